"""Words of reviews under the leak audit: a shop whose events are all reviews, read by a model learned in each twin."""

from datetime import timedelta

import polars as pl
import pytest

import pipelines.stages.analyse_reviews
import pipelines.stages.compute_item_features
from feature_store.schema import EVENTS
from pipelines.config import Config, parse_config
from tests.pipelines.audit.test_leaks import known_at_once, leaking, wrapped
from tests.support.audited_shop import SETTINGS, audited_shop
from tests.support.tiny_transformers import save_tiny

Patch = pytest.MonkeyPatch
PROBES = ("review_sentiment", "analyse_reviews", "item_features", "compute_item_features", "ranking_items")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("shop")
    workspace = audited_shop(root).open_workspace()
    log = workspace.read("events")
    unsure = pl.int_range(pl.len()) % 5 == 0  # certain words would mean the same whatever else is learned
    said = pl.when((pl.col("value") > 3) ^ unsure).then(pl.lit("a red wool scarf")).otherwise(pl.lit("cursed mug of steel"))
    events = log.scan(EVENTS).with_columns(event_type=pl.lit("review"), text=said).collect()
    with workspace.write("events") as writer:
        writer.write(events, EVENTS)
        writer.commit(facts=log.manifest.facts)
    embed = {"text_model": str(save_tiny(root / "bert", "bert")), "precision": "fp32"}
    return parse_config({"workspace": str(root), "embed": embed, **SETTINGS})


def test_reviews_as_they_are_read_have_no_leak(config: Config) -> None:
    assert leaking(config, *PROBES) == set()


def test_a_model_that_learns_words_of_the_rankers_window(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.analyse_reviews, "open_reading", lambda until, **_: {"until": until + timedelta(days=20)})
    assert leaking(config, "review_sentiment", "item_features") >= {"review_sentiment at ranker", "item_features at ranker"}


def test_reviews_that_are_read_before_they_are_known(config: Config, monkeypatch: Patch) -> None:
    known_at_once(monkeypatch, pipelines.stages.analyse_reviews, "worded_reviews")
    assert "analyse_reviews at date" in leaking(config, "analyse_reviews")


def test_a_sentiment_that_counts_from_when_it_was_written(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.stages.compute_item_features.item_features

    def at_once(*args: pl.LazyFrame, sentiment: pl.LazyFrame, **given: object) -> pl.DataFrame:
        return real(*args, sentiment=sentiment.with_columns(known_at="event_time"), **given)

    monkeypatch.setattr(pipelines.stages.compute_item_features, "item_features", at_once)
    assert "item_features at request" in leaking(config, "item_features")
