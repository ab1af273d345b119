"""The shop as it would be with a loud future behind a moment, and with late news of what was before it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from feature_store.schema import EVENTS, USERS, UTC_TIME
from pipelines.audit.tables import SmallTables
from recsys.data.further import FURTHER
from recsys.data.ranking_items import present_further

MARK = "leak-audit"
"""Every id that is planted begins so."""
NEWCOMERS = 2
"""Items that stand in the catalogue and come on sale after everything; only in planted futures anyone has met them."""
TOUCHED = 10
"""Items of the shop each whose stock, and whose last day on sale, changes after the moment; items that suddenly everybody wants."""
EVERY = 3
"""Of so many users one gets planted events."""
DAYS_AGO = (0.0, 1 / 24, 2.0, 40.0)
"""How long before the moment late news happened; of those at 0 a microsecond."""
KNOWN_AFTER = (0.0, 0.3, 0.0, 0.3)
"""When it becomes known, as a share of the time to the next cut; 0 is the moment itself, which counts as future."""
HAPPENS_AFTER = (0.0, 0.6, 1.5)
"""When the future happens, in the same measure."""
ACTS = {"impression": None, "click": None, "cart": None, "purchase": 100.0, "rating": 5.0, "review": 1.0, "tag": None, "dwell": 900.0}
"""All that a planted pair does, with its value: whatever a shop calls wanted is among it, and so is dislike."""
WORDS = "Terrible, it broke at once."
"""What a planted review says."""
SHOWN_ONLY = {"impression": None}
"""Of other pairs, which pass the item over."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Where in time is planted."""

    moment: datetime
    """Nothing at or after it may be seen."""
    until: datetime
    """The next cut, or some time after the last one."""
    within_log: bool
    """Whether the night goes on behind the moment."""

    def after(self, share: float) -> datetime:
        """A moment so far on the way from one to the other."""
        return self.moment + share * (self.until - self.moment)


def with_newcomers(shop: SmallTables, *, on_sale_from: datetime) -> SmallTables:
    """The shop with items that look like its first ones and come on sale at a moment, late enough to be no candidate in any window."""
    first = shop.catalogue["item_id"].head(NEWCOMERS)
    names = {item_id: f"{MARK}:new:{place}" for place, item_id in enumerate(first)}
    named = pl.col("item_id").replace_strict(names)
    fresh = shop.catalogue.head(NEWCOMERS).with_columns(
        named, pl.lit(on_sale_from).cast(UTC_TIME).alias("available_from"), pl.lit(None, UTC_TIME).alias("available_to")
    )
    vectors = {
        modality: pl.concat([rows, rows.filter(pl.col("item_id").is_in(first.implode())).with_columns(named)])
        for modality, rows in shop.vectors.items()
    }
    return replace(shop, catalogue=pl.concat([shop.catalogue, fresh]), vectors=vectors)


def plant(shop: SmallTables, plot: Plot) -> SmallTables:
    """The shop as it would be had another future come, and had news of the past come late.

    After the moment everybody wants the newcomers and a few old items, dislikes or wants what is far from the own taste, passes other items
    over, and a stranger comes; of the same users things become known that happened before, and the shop says other things of them than it
    did. After a cut within the log items are sold out, or leave; what the catalogue says at its end is known to the night.

    Args:
        shop: What really happened, with newcomers.
        plot: When.
    """
    touched = (pl.int_range(pl.len()) < TOUCHED) & plot.within_log
    catalogue = shop.catalogue.with_columns(
        pl.when(touched).then(~pl.col("in_stock")).otherwise("in_stock").alias("in_stock"),
        pl.when(touched & pl.col("available_to").is_null())
        .then(pl.lit(plot.after(0.1)).cast(UTC_TIME))
        .otherwise("available_to")
        .alias("available_to"),
    )
    future = [(plot.after(share), plot.after(share)) for share in HAPPENS_AFTER]
    late = [
        (plot.moment - max(timedelta(days=days), timedelta(microseconds=1)), plot.after(known))
        for days, known in zip(DAYS_AGO, KNOWN_AFTER, strict=True)
    ]
    planted = [
        _acts(_pairs(shop, shift + apart, newcomers=shift < len(future)), happened, known, acts)
        for shift, (happened, known) in enumerate([*future, *late])
        for apart, acts in ((0, ACTS), (len(future) + len(late), SHOWN_ONLY))
    ]
    events = pl.concat([shop.events, *planted])
    users = pl.concat([shop.users, *(_said(shop, plot.after(known), shift) for shift, known in enumerate(KNOWN_AFTER[:2]))])
    users = users.unique(USERS.key, keep="last", maintain_order=True)
    return replace(shop, events=events.with_columns(_names(len(shop.events))), users=users, catalogue=catalogue)


def late_values(features: pl.DataFrame, plot: Plot) -> pl.DataFrame:
    """Item features `with_rates`, and behind them rows not to be found at the moment: known too late, or telling what has not come yet."""
    loud: dict[str, int] = dict.fromkeys(present_further(features, FURTHER), 1) | {"click_rate": 1}  # what is null throughout nobody reads
    loud |= dict.fromkeys((name for name in features.columns if name.startswith("wanted_")), 10**6)
    newest = features.unique("item_id", keep="last", maintain_order=True)
    newest = newest.with_columns(pl.lit(value).cast(features.schema[name]).alias(name) for name, value in loud.items())
    day = timedelta(days=1)
    stamps = [
        (plot.moment - timedelta(microseconds=1), plot.moment),
        (plot.moment - day, plot.after(0.3)),
        (plot.moment, plot.moment - day),
    ]
    planted = [
        newest.with_columns(pl.lit(happened).cast(UTC_TIME).alias("event_time"), pl.lit(known).cast(UTC_TIME).alias("known_at"))
        for happened, known in stamps
    ]
    return pl.concat([features, *planted])


def _said(shop: SmallTables, known: datetime, shift: int) -> pl.DataFrame:
    """Every attribute of some users, and of a stranger, with a value that others have."""
    names = pl.DataFrame({"user_id": [*shop.events["user_id"].unique().sort().gather_every(EVERY), f"{MARK}:stranger"]})
    values = shop.users.select("attribute", "value").unique().sort("attribute", "value").group_by("attribute", maintain_order=True)
    said = names.join(values.agg(pl.col("value").get(shift, null_on_oob=True)).drop_nulls(), how="cross")
    return said.with_columns(pl.lit(known).cast(UTC_TIME).alias("known_at")).select(USERS.schema.names())


def _pairs(shop: SmallTables, shift: int, *, newcomers: bool) -> pl.DataFrame:
    """Some users, and a stranger, with an item that all of them are given and one of their own, far from what they met."""
    items = shop.catalogue["item_id"].reverse()[0 if newcomers else NEWCOMERS :]
    users = [*shop.events["user_id"].unique().sort().gather_every(EVERY), f"{MARK}:stranger"]
    common = [items[shift % TOUCHED]] * len(users)
    own = [items[(7 * place + 3 * shift + TOUCHED) % len(items)] for place in range(len(users))]
    return pl.DataFrame({"user_id": users * 2, "item_id": common + own})


def _acts(pairs: pl.DataFrame, happened: datetime, known: datetime, acts: Mapping[str, float | None]) -> pl.DataFrame:
    """All these acts of each pair at one time."""
    named = pl.DataFrame({"event_type": list(acts), "value": pl.Series(list(acts.values()), dtype=pl.Float64)})
    shown = pl.col("event_type") == "impression"
    rows = pairs.join(named, how="cross").with_columns(
        pl.lit(f"{MARK}:{happened.isoformat()}").alias("request_id"),
        pl.when(pl.col("event_type") == "review").then(pl.lit(WORDS)).alias("text"),
        pl.when(shown).then(1).cast(pl.Int32).alias("position"),
        pl.lit(happened).cast(UTC_TIME).alias("event_time"),
        pl.lit(known).cast(UTC_TIME).alias("known_at"),
        pl.lit("").alias("event_id"),
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(EVENTS.schema.names())


def _names(real: int) -> pl.Expr:
    """Ids for the rows behind the real ones."""
    place = pl.int_range(pl.len())
    return pl.when(place < real).then("event_id").otherwise(pl.concat_str(pl.lit(f"{MARK}:"), place)).alias("event_id")
