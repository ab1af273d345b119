import json
from pathlib import Path

import pytest

from pipelines.releases import CHAMPION, Champion, ReleaseError, ReleaseShelf


def _shelf(folder: Path, *release_ids: str) -> ReleaseShelf:
    for number, release_id in enumerate(release_ids):
        (folder / release_id).mkdir()
        (folder / release_id / "release.json").write_text(json.dumps({"created_at": f"2026-01-0{number + 1}"}), encoding="utf-8")
    return ReleaseShelf(folder)


def test_releases_stand_in_the_order_they_were_made_and_unfinished_ones_do_not_exist(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, "b", "a")
    (tmp_path / "half").mkdir()
    assert shelf.ids() == ["b", "a"]


def test_before_the_first_promotion_nothing_is_served(tmp_path: Path) -> None:
    assert _shelf(tmp_path, "a").champion() is None


def test_a_promotion_remembers_what_was_served_before_and_one_step_leads_back(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, "a", "b")
    shelf.promote("a", why="test")
    assert shelf.promote("b", why="test") == Champion("b", "a")
    assert shelf.roll_back() == Champion("a", "b")
    assert shelf.champion() == Champion("a", "b")
    assert [json.loads(line)["why"] for line in (tmp_path / "history.jsonl").read_text().splitlines()] == ["test", "test", "rollback"]


def test_promoting_the_champion_again_changes_nothing(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, "a", "b")
    shelf.promote("a", why="test")
    shelf.promote("b", why="test")
    assert shelf.promote("b", why="test").previous == "a"


def test_without_a_previous_champion_there_is_no_way_back(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, "a")
    shelf.promote("a", why="test")
    with pytest.raises(ReleaseError, match="no previous champion"):
        shelf.roll_back()


@pytest.mark.parametrize("unknown", ["zzz", "../a", ""])
def test_an_unknown_release_is_refused_and_the_known_are_named(tmp_path: Path, unknown: str) -> None:
    with pytest.raises(ReleaseError, match="known are a"):
        _shelf(tmp_path, "a").promote(unknown, why="test")
    assert not (tmp_path / CHAMPION).exists()


def test_old_releases_go_but_champion_and_previous_stay(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, "a", "b", "c", "d", "e")
    shelf.promote("a", why="test")
    shelf.promote("b", why="test")
    assert shelf.prune(2) == ["c"]
    assert shelf.ids() == ["a", "b", "d", "e"]
