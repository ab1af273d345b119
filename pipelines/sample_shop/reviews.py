"""What some shoppers write days after they bought: stars by how the product suits them and how good it is, and words that follow them."""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.checks import check
from feature_store.schema import EVENTS
from pipelines.sample_shop.opinions import ASPECTS, DELIVERY, OPENERS, VERDICTS
from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shoppers import Shoppers, click_logits

REVIEWED = 0.22
"""Share of purchases that are reviewed."""
MEAN_STARS, TASTE_WORTH, QUALITY_WORTH, MOOD = 3.6, 0.7, 0.7, 0.7
"""How content buyers are in the middle; what a standard deviation of taste, of quality and of neither adds, in stars."""
ASPECT_SPREAD, VERDICT_SPREAD = 0.8, 0.5
"""How far one is from as content with an aspect, and in the last sentence, as with the whole, in stars."""
OPENED, DELIVERED, CONCLUDED, WORDLESS = 0.4, 0.35, 0.6, 0.08
"""Shares of reviews that begin with nothing, that speak of the delivery, that end with a verdict, and that are stars alone."""
USUAL_DAYS, DAYS_SPREAD = 4.0, 0.6
"""Days from purchase to review: median, and standard deviation of its logarithm."""


def write_reviews(events: pl.DataFrame, products: Products, shoppers: Shoppers, random: np.random.Generator) -> pl.DataFrame:
    """Rows of the table `events` of type `review`, in order of time; what would come after the last of the events is never written.

    Args:
        events: What happened in the shop, in order of time.
        products: Their quality is planted.
        shoppers: Their taste is.
        random: A source of chance of its own, so that reviews change nothing else.
    """
    bought = events.filter(pl.col("event_type") == "purchase").unique(["user_id", "item_id"], keep="first", maintain_order=True)
    bought = bought.filter(pl.Series(random.random(bought.height) < REVIEWED, dtype=pl.Boolean))
    user, item = (bought[name].str.slice(1).cast(pl.Int64).to_numpy() for name in ("user_id", "item_id"))
    quality = products.quality[item]
    content = MEAN_STARS + TASTE_WORTH * _standardised(click_logits(shoppers, products, user, item) - quality)
    content += QUALITY_WORTH * _standardised(quality) + random.normal(0, MOOD, len(item))
    days = USUAL_DAYS * np.exp(random.normal(0, DAYS_SPREAD, len(item)))
    written = bought["event_time"] + pl.Series([timedelta(days=round(day, 3)) for day in days], dtype=pl.Duration("us"))
    words = pl.Series("text", [_words(value, random) for value in content], dtype=pl.String)
    nothing = [pl.lit(None).alias(name) for name in ("session_id", "request_id", "position", "surface")]
    reviews = bought.with_columns(words, pl.Series("value", _stars(content), dtype=pl.Float64), *nothing)
    reviews = reviews.with_columns(event_type=pl.lit("review"), event_time=written, known_at=written)
    reviews = reviews.filter(pl.col("event_time") <= events["event_time"].max()).sort("event_time", "user_id", "item_id")
    reviews = reviews.with_columns(event_id=pl.format("V{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(7)))
    return check(reviews.select(EVENTS.schema.names()).cast(EVENTS.schema), EVENTS)


def _words(content: float, random: np.random.Generator) -> str | None:
    """What somebody says who is so content; None: no word."""
    if random.random() < WORDLESS:
        return None
    said = [_one(OPENERS, random)] if random.random() < OPENED else []
    aspects = random.permutation(list(ASPECTS))[: random.integers(1, 4)]
    said += [f"{_one(ASPECTS[name][_grade(content, ASPECT_SPREAD, random)], random)}." for name in aspects]
    if random.random() < DELIVERED:
        said.append(f"{_one(DELIVERY[_grade(MEAN_STARS, 1.2, random)], random)}.")
    if random.random() < CONCLUDED:
        said.append(_one(VERDICTS[_grade(content, VERDICT_SPREAD, random)], random))
    return " ".join(said)


def _grade(content: float, spread: float, random: np.random.Generator) -> int:
    """Row of what is said, from 0 to 4."""
    return int(_stars(np.array(content + random.normal(0, spread)))) - 1


def _stars(content: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.clip(np.round(content), 1, 5).astype(np.int64)


def _one(choices: tuple[str, ...], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]


def _standardised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (values - values.mean()) / max(values.std(), 1e-12) if len(values) else values
