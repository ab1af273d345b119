from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from feature_store.errors import SchemaError
from feature_store.layout import TableReader, Workspace
from feature_store.migrations import MIGRATIONS, migrate
from feature_store.schema import EVENTS, SNAPSHOT, Column, Table
from tests.support.event_logs import add, events

PRICES = Table(name="prices", version=3, key=("item",), columns=(Column(name="item", dtype=pl.String, meaning="what"),))
RENAMED = {("prices", 1): lambda rows: rows.rename({"name": "item"}), ("prices", 2): lambda rows: rows.filter(pl.col("item") != "")}


def test_an_old_file_goes_through_every_version_between() -> None:
    old = pl.LazyFrame({"name": ["a", ""]})
    found = migrate(old, PRICES, version=1, file="f", migrations=RENAMED).collect()
    assert_frame_equal(found, pl.DataFrame({"item": ["a"]}))


def test_a_snapshot_of_before_says_nothing_of_users() -> None:
    old = SNAPSHOT.empty().drop("attributes").lazy()
    assert migrate(old, SNAPSHOT, version=1, file="f").collect_schema() == SNAPSHOT.schema


def test_a_file_of_today_stays_as_it_is() -> None:
    rows = pl.LazyFrame({"item": ["a", ""]})
    assert migrate(rows, PRICES, version=3, file="f", migrations=RENAMED) is rows


def test_a_file_that_nothing_leads_from_is_named_with_its_version() -> None:
    with pytest.raises(SchemaError, match=r"shop/f holds version 2 of the table prices, and nothing leads from version 2 to 3\. Run"):
        migrate(pl.LazyFrame({"item": ["a"]}), PRICES, version=2, file="shop/f", migrations={})


def test_a_file_of_a_later_vitrine_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"f holds version 4 of the table prices; this Vitrine knows versions up to 3"):
        migrate(pl.LazyFrame({"item": ["a"]}), PRICES, version=4, file="f")


@pytest.mark.parametrize("column", ["name", "title"])
def test_a_file_whose_columns_are_not_those_of_its_version_is_named(column: str) -> None:
    with pytest.raises(SchemaError, match=r"shop/f: its rows are none of version 1 of the table prices"):
        migrate(pl.LazyFrame({column: ["a"], "price": [1.0]}), PRICES, version=1, file="shop/f", migrations=RENAMED)


def test_every_migration_is_of_a_version_that_a_table_has_left_behind() -> None:
    assert {(name, step) for name, step in MIGRATIONS if name == "events"} == {("events", step) for step in range(1, EVENTS.version)}


def test_negative_values_of_the_first_events_become_no_stars_or_nothing() -> None:
    told = pl.DataFrame({"event_type": ["rating", "purchase", "rating", "dwell"], "value": [-3.0, -3.0, 4.0, None]})
    rows = pl.concat([EVENTS.empty(), told], how="diagonal").lazy()
    found = migrate(rows, EVENTS, version=1, file="f").collect()
    assert found["value"].to_list() == [0.0, None, 4.0, None]


def first_version(root: Path, value: float) -> TableReader:
    """A log as it was written before files told their version."""
    old = events(("u", "2024-01-01T00:00:00Z")).with_columns(value=pl.lit(value))
    with Workspace(root).write("events") as writer:
        path = writer.folder / "event_month=2024-01" / "part-0000.parquet"
        path.parent.mkdir()
        old.write_parquet(path)
        writer.commit()
    return Workspace(root).read("events")


def test_a_log_of_the_first_version_is_read_as_one_of_today(tmp_path: Path) -> None:
    reader = first_version(tmp_path, -1.0)
    found = reader.scan(EVENTS).collect()
    assert (found.schema, found["value"].to_list()) == (EVENTS.schema, [None])
    assert_frame_equal(pl.concat(reader.batches(EVENTS, reader.files()[0])), found)


def test_a_log_of_the_first_version_grows_on(tmp_path: Path) -> None:
    first_version(tmp_path, -1.0)
    add(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("v", "2024-01-01T00:00:10Z"), ("w", "2024-01-02T00:00:00Z")))
    found = Workspace(tmp_path).read("events").scan(EVENTS).collect()
    assert found.select("user_id", "value").rows() == [("u", None), ("v", None), ("w", None)]
