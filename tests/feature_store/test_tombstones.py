from pathlib import Path

import polars as pl
import pytest

from feature_store.tombstones import TombstoneError, Tombstones


def test_an_erased_user_is_known_again_and_nobody_else_is() -> None:
    tombstones = Tombstones().with_users(["alice"])
    assert tombstones.holds("alice")
    assert tombstones.held(pl.Series(["bob", "alice", None])).to_list() == [False, True, False]


def test_what_is_written_down_names_nobody_and_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "privacy" / "tombstones.json"
    Tombstones().with_users(["alice"]).write(path)
    assert "alice" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Tombstones.read(path).holds("alice")


def test_the_same_user_has_another_digest_in_another_workspace() -> None:
    assert Tombstones().digest("alice") != Tombstones().digest("alice")


def test_without_a_file_nobody_was_erased(tmp_path: Path) -> None:
    assert Tombstones.read(tmp_path / "none.json").digests == frozenset()


def test_a_damaged_file_is_an_error_for_without_it_the_erased_would_come_back(tmp_path: Path) -> None:
    (tmp_path / "tombstones.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TombstoneError, match="it keeps out who was erased"):
        Tombstones.read(tmp_path / "tombstones.json")
