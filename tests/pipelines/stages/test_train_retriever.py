from pathlib import Path

from pipelines.nightly import end_of_log, run_stage
from pipelines.stages.train_retriever import STAGE
from recsys.models.retriever import load_retriever
from tests.support.taste_shop import Watched, taste_shop


def test_each_member_of_an_ensemble_is_trained_to_each_cut_for_as_many_epochs_as_it_has_chosen(tmp_path: Path) -> None:
    config = taste_shop(tmp_path, ensemble=2, epochs=2)
    workspace = config.open_workspace()
    run_stage(STAGE, config, workspace, end_of_log(workspace), Watched(), forced=False)
    table = workspace.read("retriever")
    epochs = table.manifest.facts["epochs"]
    assert len(epochs) == 2
    for cut in ("ranker", "released"):
        saved = load_retriever(table.folder / cut)
        assert [len(member["history"]) for member in saved.training["members"]] == epochs
        assert len(saved.model.members) == 2
