import hashlib
from pathlib import Path

import polars as pl

from pipelines.fetching.store import PhotoStore


def test_what_is_put_is_found_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    store = PhotoStore(tmp_path / "new")
    digest = store.put(b"photo")
    assert digest == hashlib.sha256(b"photo").hexdigest()
    assert store.path(digest).read_bytes() == b"photo"


def test_a_file_of_another_length_is_not_held_and_is_replaced(tmp_path: Path) -> None:
    store = PhotoStore(tmp_path)
    digest = store.put(b"photo")
    store.path(digest).write_bytes(b"ph")
    assert not store.holds(digest, 5)
    store.put(b"photo")
    assert store.holds(digest, 5)


def test_only_what_is_wanted_is_kept(tmp_path: Path) -> None:
    store = PhotoStore(tmp_path)
    digests = [store.put(bytes([at])) for at in range(50)]
    store.path(digests[0]).with_suffix(".partial").touch()
    store.keep_only(pl.Series(digests[:20]))
    assert [digest for digest in digests if store.holds(digest, 1)] == digests[:20]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 20


def test_where_nothing_was_ever_put_nothing_is_removed(tmp_path: Path) -> None:
    PhotoStore(tmp_path / "nowhere").keep_only(pl.Series([], dtype=pl.String))
    assert not (tmp_path / "nowhere").exists()
