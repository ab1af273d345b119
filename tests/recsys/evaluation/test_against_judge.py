"""EASE and ItemKNN on real data, judged by scripts that know nothing of this project; skipped where the data is not at hand."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.data.interactions import Interactions, build_interactions
from recsys.data.relevance import Relevance
from recsys.evaluation.judge import FullRanking, per_user
from recsys.evaluation.truth import Choices
from recsys.models.baselines.build import build_baseline
from recsys.vocabulary import Vocabulary
from tests.support.behaviour import items_of

SHARED = Path(__file__).parents[3] / "../shared"
pytestmark = pytest.mark.skipif(not (SHARED / "data/xwines").is_dir(), reason="the shared data and judge are not beside the project")


def script(name: str, *arguments: str | Path) -> str:
    command = [sys.executable, str(SHARED / "judge" / name), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xwines")
    script("cut.py", SHARED / "data/xwines", folder, "--protocol", "global-time", "--phase", "validation")
    return folder


def read(cut: Path) -> tuple[Interactions, Vocabulary]:
    rows = pl.read_parquet(cut / "train/interactions.parquet").select(
        pl.col("user_id").cast(pl.String),
        pl.col("item_id").cast(pl.String),
        event_type=pl.col("event"),
        value=pl.col("rating").cast(pl.Float64),
        event_time=pl.from_epoch("timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )
    vocabulary = Vocabulary(pl.read_parquet(cut / "train/items.parquet")["item_id"].cast(pl.String).to_list())
    log = rows.with_columns(known_at="event_time").lazy()
    return build_interactions(
        [log], vocabulary=vocabulary, relevance=Relevance(), known_before=datetime(2100, 1, 1, tzinfo=UTC)
    ), vocabulary


def judged(printed: str) -> list[dict[str, float]]:
    lines = [line for line in printed.splitlines() if line.startswith("  recall@10")]
    return [{name: float(value) for name, value in re.findall(r"(\S+) (\d\.\d+)", line)} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ease", "item_knn"])
def test_our_baseline_and_our_metrics_agree_with_the_judge(name: str, cut: Path) -> None:
    past, vocabulary = read(cut)
    users = pl.read_parquet(cut / "users.parquet")["user_id"].cast(pl.String).to_numpy().astype(object)
    scorer = FullRanking(build_baseline(name, past, items_of(len(vocabulary)), strength=400))
    lists = scorer.recommend(past, past.rows_of(users), candidates=np.ones(len(vocabulary), bool), k=100, exclude_seen=True)
    mine = pl.DataFrame(
        {
            "user_id": np.repeat(users, 100).tolist(),
            "item_id": vocabulary.ids(lists.ravel()),
            "rank": np.tile(np.arange(1, 101), len(users)),
        }
    )
    mine.write_parquet(cut / "mine.parquet")
    script("baselines.py", cut, cut / "theirs.parquet", "--model", name, "--strength", "400")
    printed = script("judge.py", cut, cut / "mine.parquet", cut / "theirs.parquet")
    assert "faults" not in printed
    first, second = judged(printed)
    assert set(first) == {"recall@10", "recall@20", "recall@50", "recall@100", "ndcg@10", "ndcg@20", "mrr"}
    assert first == pytest.approx(second, abs=1e-3)

    truth = pl.read_parquet(cut / "truth.parquet").select(pl.col("user_id").cast(pl.String), pl.col("item_id").cast(pl.String))
    place = {user: row for row, user in enumerate(users)}
    chosen = Choices(np.array([place[user] for user in truth["user_id"]]), vocabulary.index(truth["item_id"]), len(users), len(vocabulary))
    ours = {metric: float(values.mean()) for metric, values in per_user(lists, chosen).items()}
    assert {metric: ours[metric] for metric in first} == pytest.approx(first, abs=6e-5)  # the judge prints four digits
