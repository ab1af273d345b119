from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.layout import TableReader
from pipelines.nightly import end_of_log
from pipelines.progress import Progress
from pipelines.stage import StageContext, is_current
from pipelines.stages.train_sasrec import STAGE
from recsys.evaluation.config import EvaluationConfig
from recsys.models.retriever import load_retriever
from tests.support.taste_shop import Watched, taste_shop


def run(root: Path, *baselines: str) -> TableReader:
    config = replace(taste_shop(root), evaluation=EvaluationConfig(baselines=baselines))
    workspace = config.open_workspace()
    STAGE.run(StageContext(workspace=workspace, config=config, date=end_of_log(workspace), progress=Watched(), stage=STAGE))
    return workspace.read(STAGE.writes)


def test_it_reads_ids_in_their_order_and_no_content(tmp_path: Path) -> None:
    table = run(tmp_path, "sasrec", "popularity")
    shape = load_retriever(table.folder / "validation").shape
    assert (shape.modalities, shape.in_order, shape.match_dim) == ((), 1.0, 0)
    assert min(table.manifest.facts["epochs"]) >= 1


def test_nothing_is_trained_for_a_report_that_does_not_want_it(tmp_path: Path) -> None:
    table = run(tmp_path, "popularity")
    assert (table.manifest.facts, list(table.manifest.files)) == ({"rows": 0}, [])


@pytest.mark.parametrize(("baselines", "current"), [(("sasrec", "ease"), True), (("ease",), False)])
def test_of_the_baselines_only_itself_makes_it_run_again(tmp_path: Path, baselines: tuple[str, ...], current: bool) -> None:
    config = replace(taste_shop(tmp_path), evaluation=EvaluationConfig(baselines=("sasrec",)))
    workspace = config.open_workspace()
    STAGE.run(StageContext(workspace=workspace, config=config, date=end_of_log(workspace), progress=Progress(), stage=STAGE))
    asked = replace(config, evaluation=EvaluationConfig(baselines=baselines))
    assert is_current(STAGE, workspace, asked, end_of_log(workspace)) == current
