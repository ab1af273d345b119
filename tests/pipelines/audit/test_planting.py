from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from feature_store.checks import check
from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS
from feature_store.splits import Cuts
from pipelines.audit.planting import NEWCOMERS, Plot, late_values, plant, with_newcomers
from pipelines.audit.sample import draw_sample
from pipelines.audit.tables import SmallTables
from recsys.data.relevance import Relevance
from tests.support.audited_shop import ITEMS, LOG, NUM_ITEMS
from tests.support.behaviour import day
from tests.support.rated_items import NOTHING_KNOWN
from tests.support.tables import write_tables

CUTS = Cuts(ranker=day(60), validation=day(80), test=day(90), date=day(99))
PLOT = Plot(moment=day(80), until=day(90), within_log=True)


def sample_of(root: Path) -> SmallTables:
    workspace: Workspace = write_tables(root, LOG, ITEMS)
    tables = (workspace.read(name) for name in ("events", "users", "catalogue", "item_embeddings", "knowledge"))
    return draw_sample(*tables, cuts=CUTS, relevance=Relevance())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SmallTables:
    return sample_of(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def shop(sample: SmallTables) -> SmallTables:
    return with_newcomers(sample, on_sale_from=day(500))


def known_by(events: pl.DataFrame, number: float) -> pl.DataFrame:
    return events.filter(pl.col("event_time") < day(number), pl.col("known_at") < day(number))


def test_a_sample_holds_nothing_that_the_night_does_not_know_and_something_of_every_window(sample: SmallTables) -> None:
    times = sample.events["event_time"]
    assert max(times) < day(99)
    assert [((times >= day(start)) & (times < day(end))).any() for start, end in ((0, 60), (60, 80), (80, 90), (90, 99))] == [True] * 4


def test_nothing_that_is_planted_could_be_known_at_the_moment(shop: SmallTables) -> None:
    planted = plant(shop, PLOT).events
    assert known_by(planted, 80).equals(known_by(shop.events, 80))
    assert known_by(planted, 90).height > known_by(shop.events, 90).height


def test_what_is_planted_happens_after_the_moment_or_was_told_late_and_fits_the_tables(shop: SmallTables) -> None:
    planted = plant(shop, PLOT)
    come = check(planted.events, EVENTS)[len(shop.events) :]
    assert check(planted.catalogue, CATALOGUE).height == NUM_ITEMS + NEWCOMERS
    assert come.filter(pl.col("event_time") < day(80))["known_at"].min() == day(80)
    assert come.filter(pl.col("event_time") >= day(80))["event_time"].min() == day(80)  # the moment itself is future
    assert come["event_id"].is_unique().all()


def test_what_the_catalogue_says_at_the_end_of_the_log_is_known(shop: SmallTables) -> None:
    assert not plant(shop, PLOT).catalogue.equals(shop.catalogue)
    assert plant(shop, Plot(moment=day(99), until=day(100), within_log=False)).catalogue.equals(shop.catalogue)


def test_late_values_are_told_or_come_true_at_the_moment_or_after() -> None:
    row = dict.fromkeys(NOTHING_KNOWN.columns, 1) | {"item_id": "a", "event_time": day(1), "known_at": day(1), "first_event": day(0)}
    features = pl.DataFrame([row], schema=NOTHING_KNOWN.schema)
    come = late_values(features, PLOT)[1:]
    assert come.filter(pl.max_horizontal("event_time", "known_at") < day(80)).is_empty()
    assert come.filter(pl.col("event_time") < day(80)).height == 2
    assert come.filter(pl.col("known_at") == day(80) - timedelta(days=1)).height == 1
