import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from feature_store.checks import check
from feature_store.layout import TableReader, Workspace
from feature_store.schema import CATALOGUE, EVENTS, EXAMPLES
from pipelines.stages.build_examples import STAGE, build_examples
from recsys.data.relevance import Relevance
from tests.support.behaviour import day
from tests.support.log_in_files import write_log_in_files
from tests.support.stages import run_stage


def examples_of(rows: list[tuple[str, str, str | None, float]], *ignored: str) -> pl.DataFrame:
    """Examples of events (item, type, request, day) of one user, for the window from day 10 to day 20."""
    events = pl.DataFrame(
        [
            {
                "event_id": str(place),
                "user_id": "u",
                "item_id": item,
                "event_type": kind,
                "request_id": request,
                "position": 1 if kind == "impression" else None,
                "value": 5.0 if kind == "rating" else None,
                "event_time": day(when),
                "known_at": day(when),
            }
            for place, (item, kind, request, when) in enumerate(rows)
        ],
        schema=EVENTS.schema,
    )
    items = pl.LazyFrame({"item_id": ["a", "b"]})
    built = build_examples(
        events.lazy(), items, relevance=Relevance(ignored=ignored), start=day(10), end=day(20), horizon=timedelta(days=2)
    )
    return check(built, EXAMPLES)


def test_a_click_within_the_horizon_labels_the_impression() -> None:
    rows = examples_of([("a", "impression", "r", 12), ("b", "impression", "r", 12), ("a", "click", "r", 13), ("b", "click", None, 15)])
    made = rows.filter(pl.col("request_id") == "u/r").select("item_id", "shown", "clicked").rows()
    assert made == [("a", True, True), ("b", True, False)]  # b was clicked three days later


def test_ratings_alone_give_one_imagined_request_at_the_start_of_the_window() -> None:
    rows = examples_of([("a", "rating", None, 9), ("a", "rating", None, 12), ("b", "rating", None, 21)])
    assert rows.select("request_id", "item_id", "liked", "shown").rows() == [("window:u", "a", True, False)]
    assert rows["predicted_at"][0] == day(10)


def test_what_is_ignored_labels_nothing_and_imagines_no_request() -> None:
    rows = examples_of([("a", "impression", "r", 12), ("a", "cart", "r", 13)], "cart")
    assert rows.select("request_id", "carted").rows() == [("u/r", False)]


CUTS = {"ranker": day(40), "validation": day(60), "test": day(80)}
UNCHANGED = {"made": 0, "kept": 20}


def night(root: Path, date: float, **cuts: object) -> TableReader:
    return run_stage(STAGE, root, date=day(date), cuts={**CUTS, **cuts})


def come(root: Path, *rows: tuple[float, float]) -> None:
    """Ratings of user u0001 that happen on a day and become known on a day, in a file of the log of their own."""
    log = Workspace(root).read("events")
    known = log.scan(EVENTS).filter(pl.col("user_id") == "u0001").head(len(rows)).collect()
    times = {"event_time": [day(happened) for happened, _ in rows], "known_at": [day(told) for _, told in rows]}
    new = known.with_columns(
        pl.concat_str(pl.lit("new"), "event_id").alias("event_id"),
        *(pl.Series(name, moments, EVENTS.schema[name]) for name, moments in times.items()),
    )
    with Workspace(root).write("events") as writer:
        for file in log.files():
            writer.keep(log, file)
        writer.write(new, EVENTS, file="event_month=2025-04/part-00000.parquet")
        writer.commit()


def test_a_window_in_which_nothing_has_changed_keeps_its_file_and_its_digest(tmp_path: Path) -> None:
    write_log_in_files(tmp_path)
    first = night(tmp_path, 95)
    come(tmp_path, (96.0, 96.0), (39.0, 97.0), (50.0, 61.0))  # after the window, before it, and known too late
    second = night(tmp_path, 98)
    assert second.manifest.facts["days"] == UNCHANGED
    assert second.manifest.content_digest == first.manifest.content_digest
    assert [second.path(file).stat().st_ino for file in second.files()] == [first.path(file).stat().st_ino for file in first.files()]
    rows = second.scan(EXAMPLES).collect()
    shutil.rmtree(second.directory)
    assert night(tmp_path, 98).scan(EXAMPLES).collect().equals(rows)


@pytest.mark.parametrize("change", ["late event", "cut", "catalogue"])
def test_a_window_in_which_something_has_changed_is_made_again(tmp_path: Path, change: str) -> None:
    write_log_in_files(tmp_path)
    night(tmp_path, 95)
    if change == "late event":
        come(tmp_path, (50.0, 59.0))
    elif change == "catalogue":
        catalogue = Workspace(tmp_path).read("catalogue").scan(CATALOGUE).collect()
        with Workspace(tmp_path).write("catalogue") as writer:
            writer.write(catalogue[:-1], CATALOGUE)
            writer.commit()
    cuts = {"validation": day(61)} if change == "cut" else {}
    second = night(tmp_path, 95, **cuts)
    assert second.manifest.facts["days"]["kept"] == 0
    rows = second.scan(EXAMPLES).collect()
    shutil.rmtree(second.directory)
    assert night(tmp_path, 95, **cuts).scan(EXAMPLES).collect().equals(rows)
