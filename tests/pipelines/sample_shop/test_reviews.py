"""Reviews follow purchases, say what is planted, and change nothing of all that happens beside them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feature_store.checks import check
from feature_store.schema import EVENTS
from pipelines.importers.landing import Landing
from pipelines.sample_shop.opinions import ASPECTS, DELIVERY, OPENERS, VERDICTS
from pipelines.sample_shop.shop import ShopSize
from recsys.data.interactions import build_interactions
from recsys.data.relevance import Relevance
from recsys.vocabulary import Vocabulary
from tests.support.tiny_shop import draw_tiny_shop

SIZE = ShopSize(num_items=300, num_users=2500, num_days=30)
"""Large enough for some hundred reviews."""
TINY_EVENTS = "ba30f8caf64163518a5eabb30357cd1d71707f54ee1d9f3bc4bf9ccf3560a18b"
"""Of the tiny shop's other events as text, as they were before there were reviews."""


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    return draw_tiny_shop(tmp_path_factory.mktemp("shop"), size=SIZE)


@pytest.fixture(scope="module")
def others(landing: Landing) -> pl.DataFrame:
    return pl.read_parquet(landing.events / "0001-sample-shop.parquet")


@pytest.fixture(scope="module")
def reviews(landing: Landing) -> pl.DataFrame:
    return pl.read_parquet(landing.events / "0002-sample-shop-reviews.parquet")


def test_all_other_events_are_row_for_row_what_they_were_without_reviews(tmp_path: Path) -> None:
    others = pl.read_parquet(draw_tiny_shop(tmp_path).events / "0001-sample-shop.parquet")
    assert hashlib.sha256(others.write_csv().encode()).hexdigest() == TINY_EVENTS


def test_reviews_are_events_that_follow_a_purchase_by_days_and_come_before_the_log_ends(
    reviews: pl.DataFrame, others: pl.DataFrame
) -> None:
    check(reviews, EVENTS)
    assert reviews["event_type"].unique().to_list() == ["review"]
    bought = others.filter(event_type="purchase").group_by("user_id", "item_id").agg(pl.col("event_time").min().alias("bought"))
    both = reviews.join(bought, on=["user_id", "item_id"], how="left")
    waited = (both["event_time"] - both["bought"]).dt.total_hours()
    assert waited.min() > 6
    assert 48 < waited.median() < 120
    assert reviews["event_time"].max() <= others["event_time"].max()
    assert not reviews.select("user_id", "item_id").is_duplicated().any()


def test_without_reviews_among_behaviour_a_model_learns_from_what_it_learned_from_before(
    reviews: pl.DataFrame, others: pl.DataFrame
) -> None:
    vocabulary = Vocabulary(others["item_id"].unique().sort().to_list())
    log = pl.concat([others, reviews]).sort("event_time", maintain_order=True)
    asked = {"vocabulary": vocabulary, "relevance": Relevance(ignored=("review",)), "known_before": others["event_time"].max()}
    alone, together = (build_interactions([rows.lazy()], **asked) for rows in (others, log))
    for name in ("user_ids", "offsets", "item_index", "kind", "event_time", "known_at"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))


def test_good_products_get_more_stars(reviews: pl.DataFrame, landing: Landing) -> None:
    quality = np.load(landing.images.parents[1] / "truth/truth.npz")["product.quality"]
    stars = reviews.group_by("item_id").agg(pl.col("value").mean(), pl.len()).filter(pl.col("len") >= 5)
    planted = quality[stars["item_id"].str.slice(1).cast(pl.Int64).to_numpy()]
    assert np.corrcoef(stars["value"].to_numpy(), planted)[0, 1] > 0.4


def test_all_numbers_of_stars_are_given(reviews: pl.DataFrame) -> None:
    assert reviews["value"].unique().sort().to_list() == [1, 2, 3, 4, 5]


def test_what_is_said_rises_with_the_stars(reviews: pl.DataFrame) -> None:
    spoken = reviews.drop_nulls("text")
    contentment = pl.Series([mean_grade(text) for text in spoken["text"]])
    by_stars = spoken.with_columns(contentment.alias("said")).group_by("value").agg(pl.col("said").mean()).sort("value")["said"]
    assert by_stars.is_sorted()
    assert by_stars[-1] - by_stars[0] > 1.5


def mean_grade(text: str) -> float:
    """Mean contentment of what a review says of the product."""
    grades = [grade for phrases in (*ASPECTS.values(), VERDICTS) for grade, said in enumerate(phrases) if any(one in text for one in said)]
    return float(np.mean(grades))


def test_nothing_is_said_of_two_contentments() -> None:
    said: Sequence[str] = [one for phrases in (*ASPECTS.values(), DELIVERY, VERDICTS) for ones in phrases for one in ones]
    assert len({*said, *OPENERS}) == len(said) + len(OPENERS)


def test_reviews_are_varied_and_some_are_stars_alone(reviews: pl.DataFrame) -> None:
    assert reviews["text"].drop_nulls().n_unique() > 0.9 * reviews["text"].count()
    assert reviews["text"].is_null().mean() == pytest.approx(0.08, abs=0.05)
