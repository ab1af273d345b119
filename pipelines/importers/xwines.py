"""X-Wines in its original CSV files, of any size: Test, Slim or Full (de Azambuja, Morais and Filipe, 2023)."""

import ast
from pathlib import Path

import polars as pl

from pipelines.importers.files import find_file, read_csv
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing
from pipelines.progress import Progress

WINES = (
    "WineID",
    "WineName",
    "Type",
    "Elaborate",
    "Grapes",
    "Harmonize",
    "ABV",
    "Body",
    "Acidity",
    "Code",
    "Country",
    "RegionID",
    "RegionName",
    "WineryID",
    "WineryName",
    "Website",
    "Vintages",
)
RATINGS = ("RatingID", "UserID", "WineID", "Vintage", "Rating", "Date")

LABEL_SUFFIXES = (".jpeg", ".jpg", ".png")


def import_xwines(source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
    """Bring ratings and wines into the landing folders.

    Args:
        source: Folder of one `..._wines.csv` and one `..._ratings.csv`.
        landing: Where to.
        posters: Folder of label photos, `<WineID>.jpeg`, `.jpg` or `.png`; None: wines come without.
        progress: Shows how many photos have come.

    Raises:
        ImportSourceError: A file is missing, there are several sizes side by side, or one has other columns.
    """
    advice = "put each size of X-Wines into its own folder"
    wines = read_csv(find_file(source, "*_wines.csv", advice=advice), WINES)
    ratings = read_csv(find_file(source, "*_ratings.csv", advice=advice), RATINGS)
    catalogue = xwines_catalogue(wines)
    labels: dict[str, str] = {}
    if posters is not None:
        found = {path.stem: path.name for path in sorted(posters.iterdir()) if path.suffix.lower() in LABEL_SUFFIXES}
        brought = landing.put_images(posters, [found[wine] for wine in catalogue["item_id"] if wine in found], progress=progress)
        labels = {wine: name for wine, name in found.items() if name in brought}
    photo = pl.col("item_id").replace_strict(labels, default=None, return_dtype=pl.String)
    events = xwines_events(ratings)
    landing.put_catalogue(catalogue.with_columns(image_uri=photo), "xwines")
    landing.put_events(events, "xwines")
    missing = catalogue.height - len(labels) if posters else 0
    return ImportSummary(events=events.height, items=catalogue.height, images=len(labels), missing_images=missing)


def xwines_events(ratings: pl.DataFrame) -> pl.DataFrame:
    """Ratings (1 to 5) as events. Dates carry no zone and are taken as UTC; which vintage was rated is left behind.

    Args:
        ratings: Columns RATINGS, all texts.
    """
    return ratings.select(
        pl.format("xwines:{}", "RatingID").alias("event_id"),
        pl.col("UserID").alias("user_id"),
        pl.col("WineID").alias("item_id"),
        pl.lit("rating").alias("event_type"),
        pl.col("Rating").alias("value"),
        pl.format("{}Z", pl.col("Date").str.strip_chars()).alias("event_time"),
    )


def xwines_catalogue(wines: pl.DataFrame) -> pl.DataFrame:
    """Wines as items; the type is the category, and what is said of grapes, food and origin are attributes.

    Args:
        wines: Columns WINES, all texts; Grapes and Harmonize hold lists, `['Merlot', 'Malbec']`.
    """
    return wines.select(
        pl.col("WineID").alias("item_id"),
        pl.format("{} - {}", "WineName", "WineryName").alias("title"),
        pl.col("Type").alias("category"),
        pl.col("Country").alias("attribute.country"),
        pl.col("RegionName").alias("attribute.region"),
        pl.col("WineryName").alias("attribute.winery"),
        _listed(wines["Grapes"]).alias("attribute.grapes"),
        _listed(wines["Harmonize"]).alias("attribute.pairs_with"),
        pl.col("Body").alias("attribute.body"),
        pl.col("Acidity").alias("attribute.acidity"),
        pl.col("ABV").alias("attribute.abv"),
    )


def _listed(column: pl.Series) -> pl.Series:
    """The entries of each list with commas between; null for none.

    Raises:
        ImportSourceError: A text is no list.
    """
    joined = []
    for text in column:
        try:
            entries = ast.literal_eval(text) if text else []
            joined.append(", ".join(entries) or None)
        except (ValueError, SyntaxError, TypeError) as error:
            raise ImportSourceError(f"{column.name} holds {text!r}; X-Wines writes lists like ['Merlot', 'Malbec'] there") from error
    return pl.Series(column.name, joined, pl.String)
