from pathlib import Path

import pytest

from recsys.encoders.photo_files import UnreadablePhotoError, read_photo


def test_a_file_below_the_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.jpg").write_bytes(b"x")
    assert read_photo(tmp_path, "a/b.jpg") == b"x"


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "b.jpg").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_photo(tmp_path / "link", "b.jpg") == b"x"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("../secret.txt", "outside"),
        ("link.jpg", "outside"),
        ("gone.jpg", "missing"),
        ("nul\0.jpg", "missing"),
        ("zero.jpg", "empty"),
        (".", "unreadable"),
        ("https://example.org/a.jpg", "remote"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, uri: str, reason: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.jpg").symlink_to(tmp_path / "secret.txt")
    (root / "zero.jpg").touch()
    with pytest.raises(UnreadablePhotoError, match=reason):
        read_photo(root, uri)


def test_an_absolute_path_leaves_the_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(UnreadablePhotoError, match="outside"):
        read_photo(tmp_path / "root", str(tmp_path / "secret.txt"))
