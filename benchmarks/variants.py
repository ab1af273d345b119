"""Other worlds out of the data sets at hand, in their own format: longer and shorter histories, denser and thinner logs, other horizons.

    python benchmarks/variants.py ../shared/data OUT --only spread,few

Each variant is a folder OUT/NAME with interactions.parquet and items.parquet, as the judge's cut.py reads them. See "Other kinds of
data sets" in docs/experiments.md.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

DAY_S = 86_400
YEAR_S = 365 * DAY_S
FILMS, WINES = "ml-latest-small", "xwines"

Make = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
"""From the ratings of a source, oldest first within a user, to those of another world."""


@dataclass(frozen=True)
class Variant:
    """A world and what it is made of."""

    source: str
    make: Make
    told: bool = True
    """Whether items keep their words and categories."""


def spread(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Every user rates for one to four of eight years, in their own order: long histories and dozens of choices on either side of a cut."""
    users = ratings.select(pl.col("user_id").unique(maintain_order=True))
    start, length = random.uniform(0, 4, users.height) * YEAR_S, random.uniform(1, 4, users.height) * YEAR_S
    stays = ratings.join(users.with_columns(start=pl.Series(start), length=pl.Series(length)), on="user_id", maintain_order="left")
    drawn = stays.with_columns(share=pl.Series(random.random(ratings.height))).with_columns(share=pl.col("share").sort().over("user_id"))
    moment = pl.col("start") + pl.col("share") * pl.col("length")
    return drawn.with_columns(timestamp=moment.cast(pl.Int64)).drop("start", "length", "share")


def unordered(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The same, in no order: whatever a user rates early or late is alike, so that only what is known of them in all can help."""
    return spread(ratings.sample(fraction=1, shuffle=True, seed=int(random.integers(2**31))), random)


def sessions(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Users come on a random day of three years and go at their own pace, most within an hour: nearly all judged users are new."""
    users = ratings.group_by("user_id", maintain_order=True).agg(first=pl.col("timestamp").min())
    shift = pl.Series("shift", (random.random(users.height) * 3 * YEAR_S).astype(np.int64)) - users["first"]
    shifted = ratings.join(users.with_columns(shift), on="user_id", maintain_order="left")
    return shifted.with_columns(timestamp=pl.col("timestamp") + pl.col("shift")).drop("first", "shift")


def keen(ratings: pl.DataFrame, _random: np.random.Generator) -> pl.DataFrame:
    """Only users of twenty ratings or more."""
    return ratings.filter(pl.len().over("user_id") >= 20)


def few(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Five hundred users."""
    return some_users(ratings, random, most=500)


def thin(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """A quarter of the ratings: histories of three or four."""
    return ratings.filter(pl.Series(random.random(ratings.height) < 0.25))


def drifting(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Every item has its season of about half a year within the last five years, and is hardly met outside it."""
    items = ratings.select(pl.col("item_id").unique(maintain_order=True))
    end = ratings["timestamp"].max()
    peak = pl.Series("peak", (end - random.random(items.height) * 5 * YEAR_S).astype(np.int64))
    seasons = ratings.join(items.with_columns(peak), on="item_id", maintain_order="left")
    kept = 0.03 + (-((seasons["timestamp"] - seasons["peak"]) / (90 * DAY_S)).abs()).exp()
    return seasons.filter(pl.Series(random.random(ratings.height)) < kept).drop("peak")


def without_taste(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Ratings of a month change hands: nothing is left to learn but what is popular when. Some of the users."""
    some = some_users(ratings, random, most=2500)
    month = pl.from_epoch("timestamp").dt.truncate("1mo")
    dealt = some.with_columns(place=pl.Series(random.random(some.height))).with_columns(pl.col("item_id").sort_by("place").over(month))
    return dealt.drop("place").unique(["user_id", "item_id"], keep="first", maintain_order=True)


def plain_clicks(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Whoever rated, liked: there are no stars to tell by. Some of the users."""
    return some_users(ratings, random, most=2500).with_columns(rating=pl.lit(5.0))


def tied(ratings: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The log knows the month alone, and lies in no order within it. Some of the users."""
    shuffled = some_users(ratings, random, most=2500).sample(fraction=1, shuffle=True, seed=int(random.integers(2**31)))
    month = pl.from_epoch("timestamp").dt.truncate("1mo").dt.epoch("s")
    return shuffled.with_columns(timestamp=month).sort("timestamp", maintain_order=True)


def some_users(ratings: pl.DataFrame, random: np.random.Generator, *, most: int) -> pl.DataFrame:
    """The ratings of so many users, drawn at random."""
    users = ratings["user_id"].unique().sort().to_numpy()
    return ratings.filter(pl.col("user_id").is_in(list(random.choice(users, min(most, len(users)), replace=False))))


VARIANTS = {
    "spread": Variant(FILMS, spread),
    "unordered": Variant(FILMS, unordered),
    "sessions": Variant(FILMS, sessions),
    "drifting": Variant(WINES, drifting),
    "few": Variant(WINES, few),
    "thin": Variant(WINES, thin),
    "keen": Variant(WINES, keen),
    "without_taste": Variant(WINES, without_taste),
    "plain_clicks": Variant(WINES, plain_clicks),
    "untold": Variant(WINES, plain_clicks, told=False),
    "tied": Variant(WINES, tied),
}
FEWEST_RATINGS = 20
"""Films with fewer are left out, so that a night takes minutes."""
WORDS = ("title", "text", "category", "image_path", "country", "region", "winery", "grapes", "pairs_with", "body", "acidity", "abv")


def main() -> None:
    """Write the variants that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(VARIANTS), help="names, with commas between them")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    for name in args.only.split(","):
        variant = VARIANTS[name]
        source = pl.read_parquet(args.data / variant.source / "interactions.parquet")
        ratings = source.filter(pl.col("event") == "rating").sort("user_id", "timestamp", maintain_order=True)
        ratings = ratings.filter(pl.len().over("item_id") >= (FEWEST_RATINGS if variant.source == FILMS else 1))
        made = variant.make(ratings, np.random.default_rng(args.seed)).sort("timestamp", maintain_order=True)
        items = pl.read_parquet(args.data / variant.source / "items.parquet")
        items = items.filter(pl.col("item_id").is_in(ratings["item_id"].unique().implode()))
        if not variant.told:
            items = items.with_columns(pl.lit(None, items.schema[word]).alias(word) for word in WORDS if word in items.columns)
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        made.write_parquet(folder / "interactions.parquet")
        items.write_parquet(folder / "items.parquet")
        print(f"{name}: {made.height} ratings of {made['user_id'].n_unique()} users on {items.height} items")


if __name__ == "__main__":
    main()
