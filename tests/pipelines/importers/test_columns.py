from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from feature_store.quarantine import REFUSED_ROWS
from feature_store.schema import CATALOGUE, EVENTS, USERS
from pipelines.config import load_config, parse_config
from pipelines.importers.columns import import_columns
from pipelines.importers.config import MappingConfig
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.progress import Progress
from pipelines.stages import ingest_catalogue, ingest_events, ingest_users
from tests.support.landing import empty_landing, only_file, photo
from tests.support.stages import run_stage

ROOT = Path(__file__).parents[3]

EVENTS_MAPPING = {
    "file": "clicks.csv",
    "columns": {"user_id": "customer", "item_id": "sku", "event_time": "at"},
    "constants": {"event_type": "click"},
    "time_unit": "s",
}
CATALOGUE_MAPPING = {
    "file": "products.jsonl",
    "columns": {"item_id": "sku", "title": "name", "category": "path", "image_uri": "photo"},
    "category_separator": ">",
    "attributes": ["colour"],
    "image_root": "photos",
}


def mapping(**tables: object) -> MappingConfig:
    return parse_config({"mapping": tables}).mapping


def bring(source: Path, **tables: object) -> ImportSummary:
    return import_columns(source, empty_landing(source), mapping=mapping(**tables), progress=Progress())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "clicks.csv").write_text("customer,sku,at,browser\nu,1,1704448800,x\nv,2,never,y\n")
    (tmp_path / "products.jsonl").write_text(
        '{"sku": 1, "name": "Lamp", "path": "Home > Light", "photo": "photos/1.png", "colour": "red"}\n'
        '{"sku": 2, "name": "Pen", "path": "", "photo": "photos/gone.png", "colour": null}\n'
        '{"sku": 3, "name": "Cup", "path": "Home", "photo": "https://shop.example/3.png", "colour": "blue"}\n'
    )
    photo(tmp_path / "photos" / "1.png")
    return tmp_path


def test_users_come_in_with_the_columns_that_are_named_as_attributes(shop: Path) -> None:
    (shop / "people.csv").write_text("customer,since,town,name\nu,1704448800,Ulm,Ann\nv,1704448800,,Bob\n")
    users = {"file": "people.csv", "columns": {"user_id": "customer", "known_at": "since"}, "attributes": ["town"], "time_unit": "s"}
    assert bring(shop, users=users) == ImportSummary(users=2)
    rows = run_stage(ingest_users.STAGE, shop, users={"attributes": ["town"]}).scan(USERS).collect()
    assert rows.rows() == [("u", "town", "Ulm", datetime(2024, 1, 5, 10, tzinfo=UTC))]


def test_a_column_of_users_that_is_not_there_is_told(shop: Path) -> None:
    (shop / "people.csv").write_text("customer\nu\n")
    with pytest.raises(ImportSourceError, match=r"\[mapping\.users\.attributes\] names town, which the source does not have"):
        bring(shop, users={"file": "people.csv", "columns": {"user_id": "customer"}, "attributes": ["town"]})


def test_mapped_columns_come_in_under_our_names_and_others_stay_behind(shop: Path) -> None:
    summary = bring(shop, events=EVENTS_MAPPING, catalogue=CATALOGUE_MAPPING)
    assert summary == ImportSummary(events=2, items=3, images=1, missing_images=1)
    assert only_file(shop / "landing/events").columns == ["user_id", "item_id", "event_time", "event_type"]


def test_the_catalogue_has_parted_categories_attributes_and_photos_below_the_image_root(shop: Path) -> None:
    bring(shop, catalogue=CATALOGUE_MAPPING)
    rows = run_stage(ingest_catalogue.STAGE, shop).scan(CATALOGUE).collect()
    assert rows["item_id"].to_list() == ["1", "2", "3"]
    assert rows["category"].to_list() == [["Home", "Light"], [], ["Home"]]
    assert rows["attributes"].to_list() == [[{"name": "colour", "value": "red"}], [], [{"name": "colour", "value": "blue"}]]
    assert rows["image_uri"].to_list() == ["1.png", None, "https://shop.example/3.png"]
    assert (shop / "landing/images/1.png").is_file()


def test_a_time_that_cannot_be_read_reaches_the_quarantine_as_it_stood(shop: Path) -> None:
    bring(shop, events=EVENTS_MAPPING)
    reader = run_stage(ingest_events.STAGE, shop)
    assert reader.scan(EVENTS).collect()["event_time"].to_list() == [datetime(2024, 1, 5, 10, tzinfo=UTC)]
    (reason,) = reader.scan(REFUSED_ROWS, prefix="quarantine/").collect()["reason"]
    assert reason == "event_time: never is not an ISO time with a zone"


def test_a_list_is_an_attribute_and_objects_are_refused_with_their_file(shop: Path) -> None:
    (shop / "products.jsonl").write_text(
        '{"sku": 1, "name": "Lamp", "colour": ["red", "blue"], "path": null, "photo": null, "size": {"cm": 3}}\n'
    )
    bring(shop, catalogue=CATALOGUE_MAPPING)
    assert only_file(shop / "landing/catalogue")["attributes"].to_list() == [[{"name": "colour", "value": "red, blue"}]]
    with pytest.raises(ImportSourceError, match=r"products\.jsonl has Struct.* in the column size; an attribute is a plain value"):
        bring(shop, catalogue={**CATALOGUE_MAPPING, "attributes": ["size"]})


def test_an_unknown_column_of_the_source_is_named_with_those_found(shop: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"\[mapping.events.columns\] names visit, .* its columns are customer, sku, at, browser"):
        bring(shop, events=EVENTS_MAPPING | {"columns": {"session_id": "visit"}})
    with pytest.raises(ImportSourceError, match=r"\[mapping.catalogue.attributes\] names size"):
        bring(shop, catalogue=CATALOGUE_MAPPING | {"attributes": ["size"]})


def test_a_column_that_is_none_of_ours_is_refused_with_a_hint(shop: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"\[mapping.events\]: 'userid' is no column of events; did you mean 'user_id'"):
        bring(shop, events=EVENTS_MAPPING | {"columns": {"userid": "customer"}})


def test_a_file_that_is_not_there_is_named_with_what_is(shop: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"there is no file .*gone\.csv; its folder holds \['clicks\.csv', 'photos'"):
        bring(shop, events=EVENTS_MAPPING | {"file": "gone.csv"})


def test_a_damaged_file_is_named(shop: Path) -> None:
    (shop / "clicks.csv").write_bytes(b"")
    with pytest.raises(ImportSourceError, match=r"clicks\.csv cannot be read"):
        bring(shop, events=EVENTS_MAPPING)


def test_a_config_without_a_mapping_says_what_to_name(shop: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"name a file in \[mapping\.events\]"):
        bring(shop)


@pytest.mark.parametrize(
    ("name", "events", "items", "photos"), [("xwines", 150_000, 1_007, 100), ("ml-latest-small", 104_519, 9_742, 9_520)]
)
def test_the_configs_of_this_project_bring_in_the_shared_data(
    tmp_path: Path, shared: Path, name: str, events: int, items: int, photos: int
) -> None:
    source = shared / "data" / name
    config = load_config(ROOT / "configs" / f"{name}.toml")
    summary = import_columns(source, empty_landing(tmp_path), mapping=config.mapping, progress=Progress())
    assert summary == ImportSummary(events=events, items=items, images=photos)
    catalogue = run_stage(ingest_catalogue.STAGE, tmp_path).scan(CATALOGUE).collect()
    assert {pair["name"] for pair in catalogue["attributes"].explode().drop_nulls()}.isdisjoint({"tags"})


def test_the_config_of_a_shop_of_your_own_can_be_read() -> None:
    assert load_config(ROOT / "configs" / "nightly.toml").sources.partition == "day"


def test_mapped_times_of_another_type_are_utc(tmp_path: Path) -> None:
    pl.DataFrame({"u": ["u"], "at": [datetime(2024, 1, 5, 10)]}).write_parquet(tmp_path / "x.parquet")
    bring(tmp_path, events={"file": "x.parquet", "columns": {"user_id": "u", "event_time": "at"}, "naive_times": "utc"})
    assert only_file(tmp_path / "landing/events")["event_time"].to_list() == [datetime(2024, 1, 5, 10, tzinfo=UTC)]
