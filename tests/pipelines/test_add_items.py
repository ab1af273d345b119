"""What `add_items` refuses before it encodes anything; what it adds is tested end to end."""

from pathlib import Path

import pytest

from pipelines.add_items import Added, AddItemsError, add_items
from pipelines.config import Config, parse_config
from pipelines.progress import Progress
from tests.support.tiny_release import build_release


@pytest.fixture
def config(tmp_path: Path) -> Config:
    build_release(tmp_path / "releases")
    return parse_config({"workspace": str(tmp_path)})


def test_a_file_that_is_not_there_is_named(config: Config, tmp_path: Path) -> None:
    with pytest.raises(AddItemsError, match=r"no file .*new\.csv; name a Parquet, CSV or JSON-lines file"):
        add_items(config, tmp_path / "new.csv", progress=Progress())


def test_a_file_of_another_kind_is_refused_whole(config: Config, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("item_id")
    with pytest.raises(AddItemsError, match=r"new\.txt is a \.txt file; readable are"):
        add_items(config, tmp_path / "new.txt", progress=Progress())


def test_items_of_the_release_are_left_to_the_night_and_bad_rows_are_told(config: Config, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("item_id,price\ni3,4\nn,-1\n")
    found = add_items(config, tmp_path / "new.csv", progress=Progress())
    assert found == Added(release_id="20260101-00000000", known=1, refused=["new.csv row 1: price: at least 0 and finite"])


def test_an_empty_landing_folder_adds_nothing(config: Config) -> None:
    assert add_items(config, None, progress=Progress()).items == 0
