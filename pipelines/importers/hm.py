"""The H&M fashion data set in the files of its Kaggle competition (2022): articles, two years of purchases, customers, photos.

Addresses and the channel of a sale are left behind, and so are the codes that say in numbers what a name beside them says. Prices were
scaled by the publisher: they are the money of a purchase; an article has none.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from pipelines.importers.files import find_file, read_csv, read_csv_blocks
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing
from pipelines.progress import Progress

CATEGORY = ("index_group_name", "product_group_name", "product_type_name")
"""Widest first."""
ATTRIBUTES = {
    "colour": "colour_group_name",
    "colour_value": "perceived_colour_value_name",
    "colour_master": "perceived_colour_master_name",
    "pattern": "graphical_appearance_name",
    "index": "index_name",
    "department": "department_name",
    "section": "section_name",
    "garment_group": "garment_group_name",
}
ARTICLES = ("article_id", "product_code", "prod_name", "detail_desc", *CATEGORY, *ATTRIBUTES.values())
TRANSACTIONS = ("t_dat", "customer_id", "article_id", "price")
STATUS = ("club_member_status", "fashion_news_frequency")
"""What a customer was when the files were drawn, which is when the last purchase was."""
CUSTOMERS = ("customer_id", "age", *STATUS)
AGE_BOUNDS = (0, 20, 25, 30, 35, 45, 55, 65, 120)
"""First age of each band; below the first, and from the last on, it is nobody's."""
AGE = "attribute.age"
DAY = r"^(\d{4}-\d{2}-\d{2})$"
ALWAYS = "1970-01-01T00:00:00Z"

SAYS_NOTHING = ("unknown", "undefined")

_ADVICE = "pass the folder that the competition's archive unpacks to"


def import_hm(source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
    """Bring purchases, articles and photos into the landing folders.

    Args:
        source: Folder of articles.csv, transactions_train.csv, images/ and, where it is there, customers.csv.
        landing: Where to. Purchases come in parts, since all of them need not fit into memory.
        posters: Folder of photos, `010/0108775015.jpg`; None: `images` of the source.
        progress: Shows how many photos and how many blocks of purchases have come.

    Raises:
        ImportSourceError: A file or a column is missing, or the purchases are not in order of their days.
    """
    path = find_file(source, "transactions_train.csv", advice=_ADVICE)
    known = source / "customers.csv"
    customers = read_csv(known, CUSTOMERS) if known.is_file() else None
    catalogue = hm_catalogue(read_csv(find_file(source, "articles.csv", advice=_ADVICE), ARTICLES))
    items, events, last_day = catalogue.height, 0, ""
    for number, part in enumerate(whole_days(read_csv_blocks(path, TRANSACTIONS, what="bringing purchases", progress=progress)), start=1):
        landing.put_events(hm_events(part), f"hm-{number:04d}")
        events += part.height
        last_day = max([last_day, *part["t_dat"].str.extract(DAY).drop_nulls()[-1:]])
    unusable_ages = 0
    if customers is not None:
        users = hm_users(customers, last_day=last_day)
        landing.put_users(users, "hm")
        unusable_ages = customers["age"].count() - users[AGE].count()
    brought = landing.put_images(posters or source / "images", catalogue["image_uri"].drop_nulls(), progress=progress)
    photo = pl.col("image_uri")
    landing.put_catalogue(catalogue.with_columns(pl.when(photo.is_in(list(brought))).then(photo)), "hm")
    return ImportSummary(
        events=events,
        items=items,
        users=0 if customers is None else customers.height,
        images=len(brought),
        missing_images=items - len(brought),
        unusable_ages=unusable_ages,
    )


def hm_events(transactions: pl.DataFrame) -> pl.DataFrame:
    """Purchases as events at the start of their day, UTC; within a day they stay in the order of the file, since the hour is not told.

    Someone who buys two pieces of an article has two equal rows. The log would take them for one event told twice, so every further piece
    has an event_id that numbers it; it is the same in every cut of the file that leaves a customer's day whole.

    Args:
        transactions: Columns TRANSACTIONS, all texts; whole days.
    """
    pieces_before = pl.int_range(pl.len()).over(TRANSACTIONS)
    further_piece = pl.format("hm:{}:{}:{}:{}:{}", *TRANSACTIONS, pieces_before)
    return transactions.select(
        pl.when(pieces_before > 0).then(further_piece).alias("event_id"),
        pl.col("customer_id").alias("user_id"),
        pl.col("article_id").alias("item_id"),
        pl.lit("purchase").alias("event_type"),
        pl.col("price").alias("value"),
        pl.format("{}Z", "t_dat").alias("event_time"),
    )


def hm_users(customers: pl.DataFrame, *, last_day: str) -> pl.DataFrame:
    """What is known of customers: an age band as if it had always been known, all else since the last day.

    Ages are those of the end of two years of purchases, so a band may be ahead of early ones; an age in no band is unknown. Whether
    somebody is a member of the club follows from purchases too, so it must not be known before them.

    Args:
        customers: Columns CUSTOMERS, all texts.
        last_day: Of the purchases.
    """
    age = pl.col("age").cast(pl.Float64, strict=False)
    bands = [
        pl.when(age.is_between(first, behind, closed="left")).then(pl.lit(f"{first}-{behind - 1}"))
        for first, behind in itertools.pairwise(AGE_BOUNDS)
    ]
    user = pl.col("customer_id").alias("user_id")
    status = (pl.col(name).str.to_lowercase().alias(f"attribute.{name}") for name in STATUS)
    since_ever = customers.select(user, known_at=pl.lit(ALWAYS), **{AGE: pl.coalesce(*bands)})
    at_last = customers.select(user, pl.lit(f"{last_day}T00:00:00Z").alias("known_at"), *status)
    return pl.concat([since_ever, at_last], how="diagonal")


def hm_catalogue(articles: pl.DataFrame) -> pl.DataFrame:
    """Articles as items; colours of one product are variants of a group, and image_uri is where the photo would lie.

    Args:
        articles: Columns ARTICLES, all texts.
    """
    article = pl.col("article_id")
    return articles.select(
        article.alias("item_id"),
        pl.col("product_code").alias("group_id"),
        pl.col("prod_name").alias("title"),
        pl.col("detail_desc").alias("description"),
        pl.concat_list(_told(name) for name in CATEGORY).list.drop_nulls().alias("category"),
        pl.format("{}/{}.jpg", article.str.slice(0, 3), article).alias("image_uri"),
        *(_told(theirs).alias(f"attribute.{ours}") for ours, theirs in ATTRIBUTES.items()),
    )


def whole_days(blocks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in frames that end where a day ends; a row whose t_dat is no day belongs to the day before it.

    Raises:
        ImportSourceError: A day comes after a later one.
    """
    rows: pl.DataFrame | None = None
    for block in blocks:
        rows = block if rows is None else pl.concat([rows, block])
        day = rows.select(pl.col("t_dat").str.extract(DAY).forward_fill().fill_null(""))["t_dat"]
        falls = (day < day.shift()).arg_true()
        if len(falls):
            raise ImportSourceError(
                f"transactions_train.csv tells of {day[falls[0]]} after {day[falls[0] - 1]}; the competition's file goes day by day. "
                f"Sort it by t_dat, without changing the order within a day."
            )
        last_day = int((day == day[-1]).arg_max() or 0) if len(day) else 0
        if last_day:
            yield rows[:last_day]
            rows = rows[last_day:]
    if rows is not None and not rows.is_empty():
        yield rows


def _told(column: str) -> pl.Expr:
    return pl.when(~pl.col(column).str.to_lowercase().is_in(SAYS_NOTHING)).then(pl.col(column))
