import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.errors import DamagedTableError
from feature_store.manifest import MANIFEST, Manifest, content_digest, describe_files, file_digest, write_text_atomically


def manifest(**changes: object) -> Manifest:
    parts = {"name": "t", "folder": "data-1", "files": {"a": {"bytes": 1, "sha256": "0"}}, "content_digest": "d", "fingerprint": "f"}
    return Manifest(**(parts | changes))  # type: ignore[arg-type]


def test_a_folder_without_a_manifest_holds_no_table(tmp_path: Path) -> None:
    assert Manifest.read(tmp_path) is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = manifest(facts={"rows": 3, "note": "é"}, run={"seconds": 1.5})
    written.write(tmp_path)
    assert Manifest.read(tmp_path) == written


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "t"}', '{"unheard": 1}'])
def test_a_damaged_manifest_says_so_and_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DamagedTableError, match=r"is no manifest .* Delete .* and run again"):
        Manifest.read(tmp_path)


def test_replacing_a_text_leaves_no_partial_file(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "x", "old")
    write_text_atomically(tmp_path / "x", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x": "new"}


def test_files_are_described_by_size_and_sha256_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x").write_bytes(b"abc")
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert describe_files(tmp_path) == {"deep/x": {"bytes": 3, "sha256": sha}}


@given(st.binary(max_size=200))
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("file") / "x"
    path.write_bytes(content)
    assert file_digest(path) == hashlib.sha256(content).hexdigest()


def test_a_digest_of_contents_depends_on_paths_and_bytes_and_not_on_their_order() -> None:
    one, two = {"sha256": "1"}, {"sha256": "2"}
    assert content_digest({"a": one, "b": two}) == content_digest({"b": two, "a": one})
    assert len({content_digest({"a": one, "b": two}), content_digest({"a": two, "b": one}), content_digest({"a": one})}) == 3
