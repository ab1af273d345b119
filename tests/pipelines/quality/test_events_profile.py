"""A sample shop as it is raises no alarm; one in which something was planted is told by what was planted."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from feature_store.schema import CATALOGUE, EVENTS
from pipelines.config import parse_config
from pipelines.quality.events_profile import EventsProfile, profile_events, windows_of
from pipelines.sample_shop.shop import ShopSize
from pipelines.stages.ingest_catalogue import STAGE as INGEST_CATALOGUE
from pipelines.stages.ingest_events import STAGE as INGEST_EVENTS
from tests.support.stages import run_stage
from tests.support.tiny_shop import draw_tiny_shop

SIZE = ShopSize(num_items=400, num_users=1200, num_days=35)
OPENING = pl.duration(days=7)
"""How long it takes until the drawn shop is found by its users."""
CONFIG = parse_config({"profile": {"min_rows": 100}}).profile
NEW = pl.col("event_time") >= pl.col("event_time").max() - pl.duration(days=7)
Shop = tuple[pl.DataFrame, pl.DataFrame]
END = datetime(2026, 3, 1, tzinfo=UTC)
IN_1970 = 20_500
"""Days before END."""


@pytest.fixture(scope="module")
def shop_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Shop]:
    """Events and catalogue of the shop of a seed."""

    @cache
    def draw(seed: int) -> Shop:
        root: Path = tmp_path_factory.mktemp("shop")
        draw_tiny_shop(root, seed=seed, size=SIZE)
        events = run_stage(INGEST_EVENTS, root).scan(EVENTS).filter(pl.col("event_time") > pl.col("event_time").min() + OPENING)
        return events.collect(), run_stage(INGEST_CATALOGUE, root).scan(CATALOGUE).collect()

    return draw


def profile(shop: Shop, *changes: pl.Expr, keep: pl.Expr | None = None, days: int = CONFIG.window_days) -> EventsProfile:
    """Of the shop, perhaps with other values in its events, or without some of them."""
    events, catalogue = shop
    changed = events.with_columns(changes) if keep is None else events.filter(keep)
    end = events["event_time"].max() + timedelta(microseconds=1)  # type: ignore[operator]
    config = parse_config({"profile": {"min_rows": 100, "window_days": days}}).profile
    return profile_events(changed.lazy(), catalogue.lazy(), windows_of(changed.lazy(), end=end, config=config), config)


def alarms(found: EventsProfile) -> set[str]:
    return {measure.what for measure in found.measures if measure.verdict == "warn"}


def clicks(events: Mapping[int, int]) -> pl.DataFrame:
    """So many clicks of as many users on each day, told by how many days before END it begins; one every minute from 6:00."""
    moments = [END - timedelta(days=day) + timedelta(hours=6, minutes=at) for day, number in events.items() for at in range(number)]
    users = [f"u{at}" for number in events.values() for at in range(number)]
    rows = pl.DataFrame({"event_time": moments, "user_id": users}, schema_overrides={"event_time": EVENTS.schema["event_time"]})
    return pl.concat([EVENTS.empty(), rows.with_columns(event_type=pl.lit("click"), item_id=pl.lit("mug"))], how="diagonal")


def profile_of(log: pl.DataFrame) -> EventsProfile:
    return profile_events(log.lazy(), CATALOGUE.empty().lazy(), windows_of(log.lazy(), end=END, config=CONFIG), CONFIG)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_undisturbed_shop_raises_no_alarm(shop_of: Callable[[int], Shop], seed: int) -> None:
    found = profile(shop_of(seed))
    assert alarms(found) == set()
    assert {measure.kind for measure in found.measures if measure.verdict == "ok"} == {"volume", "nulls", "psi", "ks"}


LOST_DAY = {"impression events, quietest day"}
PLANTED = {
    "a page that takes all": ([pl.when(NEW).then(pl.lit("search")).otherwise("surface").alias("surface")], None, {"surface"}),
    "prices in another currency": (
        [pl.when(NEW).then(pl.col("value") * 7).otherwise("value").alias("value")],
        None,
        {"value of purchase events"},
    ),
    "visits that are no longer logged": (
        [pl.when(NEW & (pl.col("event_type") == "click")).then(None).otherwise("session_id").alias("session_id")],
        None,
        {"click events without session_id"},
    ),
    "carts that are no longer logged": ([], ~NEW | (pl.col("event_type") != "cart"), {"cart events"}),
    "a day that was lost": ([], pl.col("event_time").dt.date() != (pl.col("event_time").max() - pl.duration(days=3)).dt.date(), LOST_DAY),
    "all that happens at night": (
        [pl.when(NEW).then(pl.col("event_time").dt.truncate("1d")).otherwise("event_time").alias("event_time")],
        None,
        {"hour (UTC)"},
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_change_is_told_by_its_name(shop_of: Callable[[int], Shop], what: str) -> None:
    changes, keep, expected = PLANTED[what]
    assert alarms(profile(shop_of(1), *changes, keep=keep)) >= expected
    assert len(alarms(profile(shop_of(1), *changes, keep=keep))) <= 2  # what is not there is missed elsewhere, too


def test_a_log_shorter_than_the_window_is_described_and_not_judged(shop_of: Callable[[int], Shop]) -> None:
    found = profile(shop_of(1), days=60)
    assert {measure.verdict for measure in found.measures} == {"unjudged"}
    assert sum(events for days in found.daily.values() for events in days.values()) == shop_of(1)[0].height


@pytest.mark.parametrize("stray", [{}, {IN_1970: 1}, {30: 1, 20: 2}])
def test_a_stray_row_with_an_old_date_does_not_stretch_the_reference_of_a_young_log(stray: dict[int, int]) -> None:
    log = clicks(stray | dict.fromkeys(range(1, 13), 200))  # five days before the newest seven
    assert windows_of(log.lazy(), end=END, config=CONFIG).reference == END - timedelta(days=12) + timedelta(hours=6)
    (volume,) = [measure for measure in profile_of(log).measures if measure.what == "click events"]
    assert (volume.verdict, volume.now) == ("ok", "200 a day")
    assert volume.value == pytest.approx(1.05, abs=0.01)  # 1000 clicks in 4.75 days, for the log began at 6:00


def test_nothing_is_held_against_a_stray_row_alone() -> None:
    log = clicks({20: 1} | dict.fromkeys(range(1, 6), 200))
    assert {measure.verdict for measure in profile_of(log).measures} == {"unjudged"}


def test_a_log_that_has_been_there_keeps_its_whole_reference_though_that_begins_on_a_day_off() -> None:
    log = clicks({day: 200 for day in range(1, 50) if day % 7})
    assert windows_of(log.lazy(), end=END, config=CONFIG).reference == END - timedelta(days=35)


def test_the_most_frequent_levels_stand_first_and_rare_ones_together(shop_of: Callable[[int], Shop]) -> None:
    many = pl.format("page {}", pl.int_range(pl.len()) % 300).alias("surface")
    shares = profile(shop_of(1), many).shares["surface"]
    assert len(shares) == 21
    assert list(shares)[-1] == "others"
    assert sum(now for _, now in shares.values()) == pytest.approx(1)
