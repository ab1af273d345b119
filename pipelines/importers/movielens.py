"""MovieLens in its original folders: latest, latest-small and 25m as CSV, 1m as `::`-separated latin-1 (Harper and Konstan, 2015).

Users' ages and jobs (users.dat) and other sites' ids (links.csv) are left behind: nothing here learns from them.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from feature_store.schema import UTC_TIME
from pipelines.importers.files import damaged
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing
from pipelines.progress import Progress

RATINGS = {"userId": pl.Int64, "movieId": pl.Int64, "rating": pl.Float64, "timestamp": pl.Int64}
TAGS = {"userId": pl.Int64, "movieId": pl.Int64, "tag": pl.String, "timestamp": pl.Int64}
MOVIES = {"movieId": pl.Int64, "title": pl.String, "genres": pl.String}

NO_GENRES = "(no genres listed)"


def import_movielens(source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
    """Bring ratings, tags and movies into the landing folders.

    Args:
        source: The folder as it was unpacked.
        landing: Where to.
        posters: Folder of `<movieId>.jpg`; None: movies come without photos.
        progress: Shows how many posters have come.

    Raises:
        ImportSourceError: It is no such folder, or a file of it is damaged.
    """
    if (source / "ratings.csv").is_file():
        ratings, movies = _csv(source / "ratings.csv", RATINGS), _csv(source / "movies.csv", MOVIES)
        tags = _csv(source / "tags.csv", TAGS) if (source / "tags.csv").is_file() else pl.DataFrame(schema=TAGS)
    elif (source / "ratings.dat").is_file():
        ratings, movies = _dat(source / "ratings.dat", RATINGS), _dat(source / "movies.dat", MOVIES)
        tags = pl.DataFrame(schema=TAGS)
    else:
        raise ImportSourceError(f"{source} holds neither ratings.csv nor ratings.dat; pass the folder that the archive unpacks to")
    catalogue, brought = movielens_catalogue(movies), set[str]()
    if posters is not None:
        brought = landing.put_images(posters, [f"{movie}.jpg" for movie in catalogue["item_id"]], progress=progress)
    name = pl.format("{}.jpg", "item_id")
    catalogue = catalogue.with_columns(image_uri=pl.when(name.is_in(list(brought))).then(name))
    events = movielens_events(ratings, tags)
    landing.put_catalogue(catalogue, "movielens")
    landing.put_events(events, "movielens")
    missing = catalogue.height - len(brought) if posters else 0
    return ImportSummary(events=events.height, items=catalogue.height, images=len(brought), missing_images=missing)


def movielens_events(ratings: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Ratings (half a star to five) and tags as events, oldest first."""
    who_what_when = (
        pl.col("userId").cast(pl.String).alias("user_id"),
        pl.col("movieId").cast(pl.String).alias("item_id"),
        (pl.col("timestamp") * 1_000_000).cast(UTC_TIME).alias("event_time"),
    )
    stars = ratings.select(*who_what_when, pl.lit("rating").alias("event_type"), pl.col("rating").alias("value"))
    words = tags.select(*who_what_when, pl.lit("tag").alias("event_type"), pl.col("tag").alias("text"))
    return pl.concat([stars, words], how="diagonal").sort("event_time", maintain_order=True)


def movielens_catalogue(movies: pl.DataFrame) -> pl.DataFrame:
    """Movies as items: genres are categories side by side, the year at the end of a title is an attribute."""
    year = pl.col("title").str.extract(r"\((\d{4})\)\s*$")
    genres = pl.when(pl.col("genres") != NO_GENRES).then(pl.col("genres").str.split("|")).otherwise(pl.lit([], pl.List(pl.String)))
    return movies.select(
        pl.col("movieId").cast(pl.String).alias("item_id"),
        pl.col("title").str.strip_chars(),
        genres.alias("category"),
        pl.struct(year.alias("year")).alias("attributes"),
    )


def _csv(path: Path, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        header = pl.read_csv(path, n_rows=0, glob=False).columns
        if header != list(schema):
            raise ImportSourceError(f"{path} has the columns {', '.join(header)}; MovieLens has {', '.join(schema)}")
        return pl.read_csv(path, schema=dict(schema), glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, error) from error


def _dat(path: Path, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Lines `1::Toy Story (1995)::Animation|Comedy`, in latin-1, quotes meaning nothing."""
    try:
        text = path.read_text(encoding="latin-1").replace("::", "\x1f")
        return pl.read_csv(io.BytesIO(text.encode()), separator="\x1f", has_header=False, quote_char=None, schema=dict(schema))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, error) from error
