from pathlib import Path

import polars as pl
import pytest

from pipelines.config import parse_config
from pipelines.importers.landing import landing_of
from pipelines.progress import Progress
from tests.support.landing import empty_landing, only_file, photo


def test_files_stand_in_the_order_of_their_imports(tmp_path: Path) -> None:
    landing = empty_landing(tmp_path)
    for number, name in enumerate(("b", "a", "b")):
        landing.put_catalogue(pl.DataFrame({"item_id": [number]}), name)
    assert sorted(path.name for path in landing.catalogue.iterdir()) == ["0001-b.parquet", "0002-a.parquet", "0003-b.parquet"]


def test_the_same_import_again_leaves_no_second_file(tmp_path: Path) -> None:
    landing = empty_landing(tmp_path)
    for _ in range(2):
        landing.put_events(pl.DataFrame({"user_id": ["u"]}), "x")
    assert only_file(landing.events)["user_id"].to_list() == ["u"]


def test_parts_of_one_import_are_known_again_one_by_one(tmp_path: Path) -> None:
    landing = empty_landing(tmp_path)
    for _ in range(2):
        for part in ("x-1", "x-2"):
            landing.put_events(pl.DataFrame({"user_id": [part]}), part)
    assert sorted(path.name for path in landing.events.iterdir()) == ["0001-x-1.parquet", "0002-x-2.parquet"]


def test_photos_come_in_under_their_names_and_again_without_harm(tmp_path: Path) -> None:
    landing, source = empty_landing(tmp_path), photo(tmp_path / "photos" / "deep" / "a.png")
    for _ in range(2):
        assert landing.put_images(tmp_path / "photos", ["deep/a.png", "gone.png"], progress=Progress()) == {"deep/a.png"}
    assert (landing.images / "deep" / "a.png").read_bytes() == source.read_bytes()


def test_a_newer_photo_replaces_the_older(tmp_path: Path) -> None:
    landing = empty_landing(tmp_path)
    for shop, colour in (("old", "red"), ("new", "blue")):
        photo(tmp_path / shop / "a.png", colour=colour)
        landing.put_images(tmp_path / shop, ["a.png"], progress=Progress())
    assert (landing.images / "a.png").read_bytes() == (tmp_path / "new" / "a.png").read_bytes()
    assert (tmp_path / "old" / "a.png").read_bytes() != (tmp_path / "new" / "a.png").read_bytes()


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "link.png", "{root}/secret.png", "sub"])
def test_nothing_outside_the_folder_of_photos_is_ever_brought(tmp_path: Path, name: str) -> None:
    secret = photo(tmp_path / "secret.png")
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    (tmp_path / "photos" / "link.png").symlink_to(secret)
    landing = empty_landing(tmp_path / "shop")
    assert landing.put_images(tmp_path / "photos", [name.format(root=tmp_path)], progress=Progress()) == set()
    assert not landing.images.exists()


def test_the_folder_of_photos_may_be_a_link(tmp_path: Path) -> None:
    photo(tmp_path / "real" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    landing = empty_landing(tmp_path)
    assert landing.put_images(tmp_path / "link", ["a.png"], progress=Progress()) == {"a.png"}
    assert not (landing.images / "a.png").is_symlink()


def test_a_config_says_where_importers_leave_things(tmp_path: Path) -> None:
    config = parse_config({"workspace": str(tmp_path), "sources": {"events": ["in/first", "in/second"], "images": "/photos"}})
    landing = landing_of(config)
    assert (landing.events, landing.catalogue, landing.images) == (tmp_path / "in/first", tmp_path / "landing/catalogue", Path("/photos"))
