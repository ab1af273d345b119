"""A search in the taste world, where dropping out most of what a user liked does harm."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.config import Config, ConfigError
from pipelines.lock import BusyError, alone
from pipelines.nightly import end_of_log, run_stage
from pipelines.stage import is_current
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from pipelines.tuning import study as studies
from pipelines.tuning.config import TuneConfig
from pipelines.tuning.tune import run_tuning
from pipelines.tuning.tuned import read_tuned
from tests.support.behaviour import items_of
from tests.support.small_night import ROOT
from tests.support.tables import write_tables
from tests.support.taste_shop import Watched, nightly_log, taste_shop
from tests.support.taste_world import taste_items

TRIALS = 5


def shop(root: Path, *, budget: dict[str, Any] | None = None, **changes: Any) -> Config:
    """A shop that searches `order` and `dropout`: what it has, the other two orders, then two drawn."""
    tune = TuneConfig(**({"trials": TRIALS, "only": ("order", "dropout")} | (budget or {})))
    return replace(taste_shop(root, epochs=2, **changes), tune=tune)


def search(config: Config, watched: Watched | None = None) -> dict[str, Any]:
    """Without the minute it was made in."""
    return run_tuning(config, own=config.retriever, progress=watched or Watched()) | {"at": ""}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def report(config: Config) -> dict[str, Any]:
    return search(config)


def test_the_first_trial_is_what_the_night_does_then_come_fixed_points_then_drawn_ones(report: dict[str, Any]) -> None:
    changes = [trial["changes"] for trial in report["trials"]]
    assert changes[:3] == [{}, {"order": "free"}, {"order": "time"}]
    assert all("dropout" in drawn for drawn in changes[3:])
    assert report["trials"][0]["gain"] == 0


def test_the_best_is_never_worse_than_what_the_night_does(report: dict[str, Any]) -> None:
    gains = [trial["gain"] for trial in report["trials"]]
    assert report["verdict"]["best"] == gains.index(max(gains))
    assert report["verdict"]["gain"]["mean"] == pytest.approx(max(gains), abs=1e-9)


def test_the_values_of_every_user_are_kept(config: Config, report: dict[str, Any]) -> None:
    kept = list((Path(config.workspace) / "tuning").glob("*/*.npz"))
    assert len(kept) == TRIALS
    with np.load(kept[0]) as values:
        assert len(values["ndcg@10"]) == report["users"] == 60


def test_a_finished_search_is_read_back(config: Config, report: dict[str, Any]) -> None:
    again = Watched()
    assert search(config, again) == report
    assert again.trained == []


def test_more_trials_go_on_from_those_there_are(tmp_path: Path, report: dict[str, Any]) -> None:
    search(shop(tmp_path, budget={"trials": TRIALS - 2}))
    watched = Watched()
    assert search(shop(tmp_path), watched) == report
    assert watched.trained == ["trial 4", "trial 5"]


def test_a_stopped_search_concludes_and_goes_on_to_the_numbers_of_one_that_was_not(tmp_path: Path, report: dict[str, Any]) -> None:
    config, stopped = shop(tmp_path), Watched(dies_in="trial 4", epoch=2)
    with pytest.raises(KeyboardInterrupt):
        search(config, stopped)
    assert (tmp_path / "reports/tuning.html").is_file()
    assert any("Better than before" in line or "Settings stay" in line for line in stopped.lines)
    watched = Watched()
    assert search(config, watched) == report
    assert watched.trained == ["trial 4", "trial 5"]


class Fatal(Watched):
    """Kills its own process where `Watched` would stop."""

    def track(self, items: Iterable[Any], *, what: str, total: int | None = None) -> Iterator[Any]:
        """Pass items through until death."""
        try:
            yield from super().track(items, what=what, total=total)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGKILL)


def die_in_trial_two(workspace: str) -> None:
    """What the process of the next test does."""
    search(shop(Path(workspace)), Fatal(dies_in="trial 2", epoch=2))


@pytest.mark.slow
def test_a_killed_search_goes_on_to_the_numbers_of_one_that_was_not(tmp_path: Path, report: dict[str, Any]) -> None:
    code = "import sys; from tests.pipelines.tuning.test_tune import die_in_trial_two; die_in_trial_two(sys.argv[1])"
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    watched = Watched()
    assert search(shop(tmp_path), watched) == report
    assert watched.trained == [f"trial {number}" for number in (2, 3, 4, 5)]


def test_when_the_time_is_over_a_trial_stops_after_an_epoch_and_the_next_run_goes_on(tmp_path: Path, report: dict[str, Any]) -> None:
    brief, watched = shop(tmp_path, budget={"hours": 1e-9}), Watched()
    assert search(brief, watched)["trials"] == []
    assert "1e-09 hours are over; the same command goes on from here" in watched.lines
    assert search(brief)["verdict"] is None  # the second epoch of the first trial
    assert search(shop(tmp_path)) == report


def test_another_log_starts_another_search(tmp_path: Path) -> None:
    config = shop(tmp_path, budget={"trials": 1})
    search(config)
    write_tables(tmp_path, nightly_log().keep(np.arange(len(nightly_log().item_index)) != 3), taste_items())  # one event less
    watched = Watched()
    search(config, watched)
    assert watched.trained == ["trial 1"]


def test_another_search_on_the_same_tables_trains_nothing_twice(tmp_path: Path) -> None:
    search(shop(tmp_path, budget={"trials": 3}))
    watched = Watched()
    narrow = search(shop(tmp_path, budget={"trials": 3, "only": ("order",)}), watched)
    assert [trial["changes"] for trial in narrow["trials"]] == [{}, {"order": "free"}, {"order": "time"}]
    assert watched.trained == []


def test_the_nights_own_twin_is_the_first_trial(tmp_path: Path, report: dict[str, Any]) -> None:
    config, watched = shop(tmp_path), Watched()
    workspace = config.open_workspace()
    run_stage(TRAIN_RETRIEVER, config, workspace, end_of_log(workspace), Watched(), forced=False)
    assert search(config, watched) == report
    assert "trial 1" not in watched.trained


@pytest.fixture(scope="module")
def handicapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, dict[str, Any]]:
    """A shop that by its config learns next to nothing, and what its search finds."""
    budget = {"only": ("match_dim",), "trials": 4}
    config = shop(tmp_path_factory.mktemp("shop"), budget=budget, learning_rate=1e-4, match_dim=0)
    return config, search(config)


def test_what_is_clearly_better_is_left_to_the_next_night(handicapped: tuple[Config, dict[str, Any]]) -> None:
    config, report = handicapped
    best = report["trials"][report["verdict"]["best"]]
    assert report["verdict"]["gain"]["low"] > 0
    assert report["tuned"] == best["changes"] == read_tuned(Path(config.workspace) / "tuned.toml").changes
    assert list(tomllib.loads((Path(config.workspace) / "tuned.toml").read_text(encoding="utf-8"))["retriever"]) == ["match_dim"]


def test_the_next_night_trains_anew(handicapped: tuple[Config, dict[str, Any]]) -> None:
    config, report = handicapped
    workspace = config.open_workspace()
    run_stage(TRAIN_RETRIEVER, config, workspace, end_of_log(workspace), Watched(), forced=False)
    tuned = replace(config, retriever=replace(config.retriever, **report["tuned"]))
    assert is_current(TRAIN_RETRIEVER, workspace, config, end_of_log(workspace))
    assert not is_current(TRAIN_RETRIEVER, workspace, tuned, end_of_log(workspace))


def test_a_later_search_starts_from_what_is_tuned_and_keeps_it_beside_what_it_finds(handicapped: tuple[Config, dict[str, Any]]) -> None:
    config, report = handicapped
    night = replace(config, retriever=replace(config.retriever, **report["tuned"]), tune=TuneConfig(only=("order",), trials=3))
    later = run_tuning(night, own=config.retriever, progress=Watched())
    assert later["retriever"]["match_dim"] == report["tuned"]["match_dim"]
    assert later["tuned"]["match_dim"] == report["tuned"]["match_dim"]
    assert read_tuned(Path(config.workspace) / "tuned.toml").changes == later["tuned"]


def test_where_the_night_is_as_good_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text("[retriever]\ndropout = 0.9\n", encoding="utf-8")
    config = shop(tmp_path, budget={"only": ("context_weight",), "trials": 2})  # nobody in this world does what was not wanted
    assert search(config)["verdict"]["keeps_base"]
    assert not (tmp_path / "tuned.toml").exists()


def test_a_trial_that_falls_apart_is_told_and_the_search_goes_on(tmp_path: Path) -> None:
    config, watched = shop(tmp_path, budget={"only": ("learning_rate",), "trials": 3}), Watched()
    wild = replace(config.retriever, learning_rate=1e30)  # of the config, while the night had tuned it
    report = run_tuning(config, own=wild, progress=watched)
    assert [trial["state"] for trial in report["trials"][:2]] == ["judged", "failed"]
    assert len(report["trials"]) == 3
    assert "the loss of epoch" in report["trials"][1]["why"]


def test_what_lags_behind_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "UNPRUNED_TRIALS", 1)
    config = replace(shop(tmp_path, budget={"only": ("learning_rate",), "trials": 2}, learning_rate=5e-3))
    config = replace(config, retriever=replace(config.retriever, epochs=4))
    many = items_of(240, vectors={"text": np.eye(240, 8, dtype=np.float32)})
    write_tables(tmp_path, nightly_log(), many)  # more candidates than a list is long
    report = run_tuning(config, own=replace(config.retriever, learning_rate=1e-9), progress=Watched())
    assert [trial["state"] for trial in report["trials"]] == ["judged", "given up"]
    assert len(report["trials"][1]["recall_by_epoch"]) == 3


def test_a_second_search_in_the_same_workspace_is_refused(config: Config) -> None:
    with (
        alone(config.open_workspace().tuning / "tune.lock", work="search"),
        pytest.raises(BusyError, match=r"another search works in .*tuning"),
    ):
        search(config)


def test_what_cannot_be_searched_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no search for 'epochs'"):
        search(Config(workspace=str(tmp_path), tune=TuneConfig(only=("epochs",))))
