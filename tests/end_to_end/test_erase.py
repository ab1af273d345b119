"""A shop whose users go by pseudonyms: a night, answers over HTTP, an erasure, and what the next night learns from."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from feature_store.schema import EVENTS
from feature_store.user_names import KEY_VARIABLE, UserNames
from pipelines.config import Config
from pipelines.demo import ask, running_api
from pipelines.nightly import STAGES, StageResult, end_of_log, run_night, run_stage
from pipelines.privacy.erase import erase_user
from pipelines.progress import Progress
from pipelines.recommend import Wanted, recommend
from pipelines.releases import ReleaseShelf
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from tests.pipelines.privacy.test_erase import files_holding
from tests.support.small_night import draw, small_config

pytestmark = pytest.mark.slow

KEY = "0123456789abcdef0123456789abcdef"
QUIET = Progress(Console(quiet=True))


def night(config: Config) -> None:
    done = run_night(config, progress=QUIET)
    ReleaseShelf(config.open_workspace().releases).promote(done.release_id, why="a test does not ask how good it is")


def until_training(config: Config) -> list[StageResult]:
    """The next night up to the tables that models learn from."""
    workspace, stages = config.open_workspace(), STAGES[: STAGES.index(BUILD_SNAPSHOT) + 1]
    return [run_stage(stage, config, workspace, end_of_log(workspace), QUIET, forced=False) for stage in stages]


def answered(config: Config, *questions: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    images = config.resolve(config.sources.images)
    with running_api(config.open_workspace(), images=images, pseudonyms=True) as url:
        return [ask(f"{url}/v1/{path}", body) for path, body in questions]


def test_a_shop_by_pseudonym_forgets_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    draw(tmp_path)
    drawn, reviews = sorted((tmp_path / "landing" / "events").iterdir())
    rows = pl.read_parquet([drawn, reviews]).with_columns(user_id=pl.format("shopper-{}-of-this-shop", "user_id"))
    rows.write_parquet(drawn)
    reviews.unlink()
    user = rows.filter(pl.col("event_type") == "click")["user_id"].value_counts().sort("count", "user_id")["user_id"][-1]
    pseudonym = UserNames(KEY.encode()).of(user)
    config = small_config(tmp_path, privacy={"pseudonyms": True})
    night(config)

    landing = ["landing/events/" + drawn.name]
    assert list(files_holding(tmp_path, user)) == landing  # all that the night makes knows pseudonyms alone
    assert len(list(files_holding(tmp_path, pseudonym))) >= 5
    assert recommend(config, Wanted(users=[user], k=3), progress=QUIET)["user_id"].to_list() == [user] * 3
    click = {"user_id": user, "item_id": rows["item_id"][0], "event_type": "click"}
    slate = ("recommendations", {"user_id": user, "k": 3})
    posted, known = answered(config, ("events", click), slate)
    assert (posted["new"], known["source"]) == (1, "personal")

    assert erase_user(config, user, progress=QUIET).clean
    assert list(files_holding(tmp_path, user)) == landing
    assert list(files_holding(tmp_path, pseudonym)) == []
    (stranger,) = answered(config, slate)
    assert stranger["source"] == "popular"

    done = {result.name for result in until_training(config) if not result.skipped}
    assert done >= {"ingest_events", "compute_user_features", "build_examples", "build_snapshot"}
    workspace = config.open_workspace()
    assert list(files_holding(tmp_path, pseudonym)) == []
    users = workspace.read("events").scan(EVENTS).select("user_id").unique().collect()
    assert users.height == rows["user_id"].n_unique() - 1
