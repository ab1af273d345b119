"""Column names, types, units and meaning of every table, typed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")
ATTRIBUTES = pl.List(pl.Struct({"name": pl.String, "value": pl.String}))
SHARES = pl.List(pl.Struct({"category": pl.String, "share": pl.Float64}))
EVENT_TYPES = ("impression", "click", "cart", "purchase", "rating", "review", "tag", "dwell")


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: what it holds and what may stand in it."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    """Unit, range and what a null says."""
    nullable: bool = False
    lowest: float | None = None
    highest: float | None = None
    allowed: tuple[str, ...] = ()
    """The only values, for a closed vocabulary; empty means any."""


@dataclass(frozen=True)
class Table:
    """A named list of columns with a key."""

    name: str
    version: int
    """Grows with every change of columns or rules; `feature_store.migrations` leads from one to the next."""
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @cached_property
    def schema(self) -> pl.Schema:
        """Names and polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}; it has {list(self.schema)}")

    def empty(self) -> pl.DataFrame:
        """A frame of no rows."""
        return pl.DataFrame(schema=self.schema)


def _required(name: str, dtype: pl.DataType | type[pl.DataType], meaning: str) -> Column:
    return Column(name=name, dtype=dtype, meaning=meaning)


def _optional(name: str, dtype: pl.DataType | type[pl.DataType], meaning: str) -> Column:
    return Column(name=name, dtype=dtype, meaning=meaning, nullable=True)


EVENTS = Table(
    name="events",
    version=2,
    key=("event_id",),
    columns=(
        _required("event_id", pl.String, "unique id; a hash of the row where the source has none"),
        _required("user_id", pl.String, "who, in the shop's own ids"),
        _required("item_id", pl.String, "what, in the shop's own ids"),
        Column(name="event_type", dtype=pl.String, meaning="what happened", allowed=EVENT_TYPES),
        Column(
            name="value",
            dtype=pl.Float64,
            meaning="stars of a rating or review, money of a purchase, seconds of a dwell; null: none",
            nullable=True,
            lowest=0,
        ),
        _optional("text", pl.String, "words of a review or tag; null: none"),
        _optional("session_id", pl.String, "visit this belongs to; null: unknown"),
        _optional("request_id", pl.String, "answer of the API this followed; null: none"),
        Column(name="position", dtype=pl.Int32, meaning="rank in the slate, 1 is first; null: no slate", nullable=True, lowest=1),
        _optional("surface", pl.String, "page or widget; null: unknown"),
        _optional("release_id", pl.String, "release that made the slate; null: none"),
        Column(
            name="propensity",
            dtype=pl.Float64,
            meaning="probability that this item was shown here; null: unknown",
            nullable=True,
            lowest=0,
            highest=1,
        ),
        _required("event_time", UTC_TIME, "when it happened, UTC"),
        _required("known_at", UTC_TIME, "when we could know of it, UTC; event_time where the source does not say"),
    ),
)

CATALOGUE = Table(
    name="catalogue",
    version=1,
    key=("item_id",),
    columns=(
        _required("item_id", pl.String, "the shop's own id"),
        _optional("group_id", pl.String, "product this is a variant of; null: stands alone"),
        _optional("title", pl.String, "null: has none"),
        _optional("description", pl.String, "null: has none"),
        _required("category", pl.List(pl.String), "widest first, or several side by side; empty: none"),
        Column(name="price", dtype=pl.Float64, meaning="in the shop's currency; null: unknown", nullable=True, lowest=0),
        _required("in_stock", pl.Boolean, "may be sold now; true where the source does not say"),
        _optional("image_uri", pl.String, "path below the image root, or a URL; null: no photo"),
        _optional("available_from", UTC_TIME, "first moment it may be shown; null: always"),
        _optional("available_to", UTC_TIME, "first moment it may no longer be shown; null: for ever"),
        _required("attributes", ATTRIBUTES, "further named values, e.g. colour; empty: none"),
    ),
)

LANDED_USERS = Table(
    name="users",
    version=1,
    key=("user_id", "known_at"),
    columns=(
        _required("user_id", pl.String, "who, in the shop's own ids"),
        _required("known_at", UTC_TIME, "since when we could know of it, UTC"),
        _required("attributes", ATTRIBUTES, "what is so since then, e.g. country; what is not named stays as it was"),
    ),
)
"""What landing files say of users."""

USERS = Table(
    name="users",
    version=1,
    key=("user_id", "attribute", "known_at"),
    columns=(
        _required("user_id", pl.String, "who, by the name that events have"),
        _required("attribute", pl.String, "one of [users] attributes, e.g. country"),
        _required("value", pl.String, "the shop's own word; holds until the next row of the same user and attribute, which has another"),
        _required("known_at", UTC_TIME, "since when we could know of it, UTC"),
    ),
)

FETCHED_IMAGES = Table(
    name="fetched_images",
    version=1,
    key=("uri",),
    columns=(
        _required("uri", pl.String, "http(s) URL, as the catalogue has it"),
        _optional("digest", pl.String, "SHA-256 of the bytes, which lie below `Workspace.fetched_images`; null: never fetched"),
        Column(name="size_bytes", dtype=pl.Int64, meaning="length of the photo; null: never fetched", nullable=True, lowest=1),
        _optional("final_uri", pl.String, "URL behind all redirects that gave the bytes; null: never fetched"),
        _optional("etag", pl.String, "what its host calls this version; null: it does not say"),
        _optional("last_modified", pl.String, "since when it is so, in the host's own words; null: it does not say"),
        _optional("fetched_at", UTC_TIME, "when the bytes were last fetched or confirmed; null: never"),
        _optional("reason", pl.String, "why it could not be fetched when it was last asked for; null: it could"),
    ),
)


KNOWLEDGE = Table(
    name="knowledge",
    version=1,
    key=("item_id", "relation", "entity"),
    columns=(
        _required("item_id", pl.String, "the shop's own id"),
        _required("relation", pl.String, "what the entity is to the item, e.g. region; first/second for one two hops away"),
        _required("entity", pl.String, "e.g. Bordeaux; another one under another relation"),
    ),
)

ENTITY_LINKS = Table(
    name="entity_links",
    version=1,
    key=("entity", "relation", "other"),
    columns=(
        _required("entity", pl.String, "an entity of items"),
        _required("relation", pl.String, "what the other is to it, e.g. country"),
        _required("other", pl.String, "an entity two hops from the items"),
    ),
)


def item_embeddings(dim: int, *, half: bool = False) -> Table:
    """Vectors of one modality; another modality has another length and lies in files of its own.

    Args:
        dim: Numbers of a vector.
        half: Whether the files hold them in fp16; see `feature_store.embeddings`.
    """
    return Table(
        name="item_embeddings",
        version=1,
        key=("item_id", "modality"),
        columns=(
            _required("item_id", pl.String, "the shop's own id"),
            _required("modality", pl.String, "image, text, description, ..."),
            _required("encoder_version", pl.String, "digest of architecture, weights, preprocessing and precision"),
            _required("content_digest", pl.String, "digest of what was encoded; equal digests are not encoded twice"),
            _required("presence", pl.Boolean, "whether the item has this modality"),
            _optional(
                "vector", pl.Array(pl.Float16 if half else pl.Float32, dim), "null exactly where presence is false; never a zero vector"
            ),
        ),
    )


def _count(name: str, meaning: str) -> Column:
    return Column(name=name, dtype=pl.Int64, meaning=meaning, lowest=0)


REVIEW_SENTIMENT = Table(
    name="review_sentiment",
    version=1,
    key=("event_id",),
    columns=(
        _required("event_id", pl.String, "of the review in the table events, which knows whose it is and what it says"),
        _required("item_id", pl.String, "the shop's own id"),
        _required("event_time", UTC_TIME, "when it was written"),
        _required("known_at", UTC_TIME, "when we could know of it"),
        Column(
            name="sentiment",
            dtype=pl.Float64,
            meaning="what its words say of the item: -1 as one star, 1 as five; (expected stars - 3) / 2",
            lowest=-1,
            highest=1,
        ),
        Column(name="likely_stars", dtype=pl.Int8, meaning="the stars that its words make likeliest", lowest=1, highest=5),
    ),
)

ITEM_FEATURES = Table(
    name="item_features",
    version=3,
    key=("item_id", "event_time"),
    columns=(
        _required("item_id", pl.String, "the shop's own id"),
        _required("event_time", UTC_TIME, "start of the day from which the row holds, until the next row of the item"),
        _required("known_at", UTC_TIME, "when it could be known: the same moment"),
        _count("wanted_1d", "events in the last day that say the item was wanted"),
        _count("wanted_7d", "the same in the last 7 days"),
        _count("wanted_30d", "the same in the last 30 days"),
        _count("wanted_365d", "the same in the last 365 days"),
        _count("wanted_all", "the same since ever"),
        Column(
            name="wanted_decayed",
            dtype=pl.Float64,
            meaning="the same, each counting half for every 30 days that it lies before event_time; it goes on to halve until the next row",
            lowest=0,
        ),
        _count("shown_30d", "impressions in the last 30 days"),
        _count("clicked_30d", "clicks in the last 30 days"),
        _count("bought_30d", "purchases in the last 30 days"),
        _count("shown_all", "impressions since ever"),
        _count("clicked_all", "clicks since ever"),
        _count("bought_all", "purchases since ever"),
        _count("ratings", "ratings and reviews with stars since ever"),
        Column(name="stars", dtype=pl.Float64, meaning="the sum of their stars", lowest=0),
        _count("reviews", "reviews since ever, with words or without"),
        _count("reviews_read", "those of them whose words were read"),
        _required("sentiment", pl.Float64, "the sum of their sentiment, each from -1 to 1"),
        _required("first_event", UTC_TIME, "when the first event happened that was known by then"),
    ),
)

USER_FEATURES = Table(
    name="user_features",
    version=3,
    key=("user_id",),
    columns=(
        _required("user_id", pl.String, "the shop's own id"),
        _required("event_time", UTC_TIME, "the moment the row describes"),
        _required("known_at", UTC_TIME, "when it could be known: the same moment"),
        _count("events_7d", "events in the last 7 days, impressions left out"),
        _count("events_30d", "the same in the last 30 days"),
        _count("events_all", "the same since ever"),
        _count("sessions_all", "visits: see feature_store.features.sessions"),
        _count("wanted_all", "events that say an item was wanted"),
        _required("last_event", UTC_TIME, "newest event"),
        _required("top_categories", SHARES, "the 3 widest categories most often wanted, with their shares of what was wanted; empty: none"),
        Column(name="mean_price", dtype=pl.Float64, meaning="of what was wanted; null: unknown", nullable=True, lowest=0),
        Column(
            name="low_price", dtype=pl.Float64, meaning="a quarter of what was wanted costs less; null: unknown", nullable=True, lowest=0
        ),
        Column(name="median_price", dtype=pl.Float64, meaning="half of it costs less; null: unknown", nullable=True, lowest=0),
        Column(name="high_price", dtype=pl.Float64, meaning="a quarter of it costs more; null: unknown", nullable=True, lowest=0),
        _required("active_hours", pl.List(pl.Int64), "24 counts: events in each hour of the day, UTC, impressions left out"),
        _required("last_types", pl.List(pl.String), "types of the newest 5 events of each type, newest first"),
        _required("last_item_ids", pl.List(pl.String), "what each was about"),
        _required("last_times", pl.List(UTC_TIME), "when each happened"),
    ),
)

EXAMPLES = Table(
    name="examples",
    version=1,
    key=("request_id", "item_id"),
    columns=(
        _required("request_id", pl.String, "a slate that was shown, or one imagined at the start of the window"),
        _required("user_id", pl.String, "who was asked for"),
        _required("item_id", pl.String, "shown in the slate, or acted on behind it"),
        _required("predicted_at", UTC_TIME, "nothing at or after it may be known to a feature"),
        _required("shown", pl.Boolean, "whether the item stood in the slate"),
        _required("clicked", pl.Boolean, "a click on the item followed within the horizon"),
        _required("carted", pl.Boolean, "a cart followed"),
        _required("purchased", pl.Boolean, "a purchase followed"),
        _required("liked", pl.Boolean, "a rating or review from the positive rating up followed"),
        Column(name="position", dtype=pl.Int32, meaning="rank in the slate, 1 is first; null: not shown", nullable=True, lowest=1),
        Column(name="weight", dtype=pl.Float64, meaning="how much the example counts", lowest=0),
    ),
)


SNAPSHOT = Table(
    name="snapshot",
    version=2,
    key=("user_id",),
    columns=(
        _required("user_id", pl.String, "the shop's own id"),
        _required("item_ids", pl.List(pl.String), "distinct items, oldest first"),
        _required("kinds", pl.List(pl.Int8), "what the event on each said, of recsys.data.relevance.Kind"),
        _required("event_times", pl.List(UTC_TIME), "when each happened"),
        _required("seen", pl.List(pl.String), "every item that is no longer new to the user, in catalogue order"),
        _required("attributes", ATTRIBUTES, "what the shop says of the user, as far as [users] names it; empty: nothing"),
    ),
)


ATTRIBUTE_LABELS = Table(
    name="attribute_labels",
    version=1,
    key=("item_id", "attribute"),
    columns=(
        _required("item_id", pl.String, "the shop's own id; of an item for which the shop does not say the attribute"),
        _required("attribute", pl.String, "name of an attribute of the catalogue, or category"),
        _required("value", pl.String, "the guess: a value that other items have, or one that [labels.zero_shot] names"),
        Column(
            name="score",
            dtype=pl.Float64,
            meaning="probability that it is right; only that of the classifier is calibrated",
            lowest=0,
            highest=1,
        ),
        _required("source", pl.String, "who guessed: classifier, or zero_shot, the joint model"),
    ),
)


def columns_named(table: Table, names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these names, in this order."""
    return tuple(table[name] for name in names)
