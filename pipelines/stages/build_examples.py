"""What users did with what they were shown, and with what they might have been shown, in the ranker's window."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from feature_store.day_digests import day_digests, first_difference, read_digests, write_digests
from feature_store.part_files import write_parts
from feature_store.schema import CATALOGUE, EVENTS, EXAMPLES
from feature_store.splits import Cuts
from pipelines.inputs import resolve_cuts
from pipelines.scale.made_parts import made_in_parts
from pipelines.stage import Stage, StageContext
from recsys.data.relevance import Relevance

LABELS = {"clicked": "click", "carted": "cart", "purchased": "purchase"}
IMAGINED = "window:"
"""Prefix of the id of a request that nobody made."""
ROW_BYTES = 1000
"""Working on an event of the window takes about so much memory."""


def build_examples(
    events: pl.LazyFrame, item_ids: pl.LazyFrame, *, relevance: Relevance, start: datetime, end: datetime, horizon: timedelta
) -> pl.DataFrame:
    """One row per request and item that was shown in it or acted on behind it, sorted by request and item.

    Requests are the slates of the log with a request_id in [start, end), predicted at the first of their impressions, and for every user
    who did something in that window one imagined at its start, whose horizon is the whole window: what a nightly list is asked for.

    Args:
        events: Rows of the table `events`.
        item_ids: The items of the catalogue; others are left out.
        relevance: Says which stars are liked, and what is no behaviour.
        start: t_r.
        end: t0; nothing at or after it, or known then, is looked at.
        horizon: How long after a slate an event counts as its doing.
    """
    window = known_window(events, start=start, end=end).join(item_ids.select("item_id"), on="item_id", how="semi")
    window = window.with_columns(_labels(relevance))
    acts = window.filter(pl.any_horizontal(*LABELS, "liked"))
    shown = window.filter(pl.col("event_type") == "impression", pl.col("request_id").is_not_null())
    slates = shown.group_by("request_id", "user_id", "item_id").agg(pl.col("event_time").min(), pl.col("position").min())
    slates = slates.with_columns(pl.col("event_time").min().over("request_id", "user_id").alias("predicted_at"))
    slates = slates.with_columns(pl.concat_str("user_id", pl.lit("/"), "request_id").alias("request_id"))
    made = slates.select("request_id", "user_id", "predicted_at").unique()
    imagined = acts.select("user_id").unique().select(pl.concat_str(pl.lit(IMAGINED), "user_id").alias("request_id"), "user_id")
    moment = pl.lit(start).cast(pl.Datetime("us", "UTC"))
    requests = pl.concat(
        [
            made.with_columns((pl.col("predicted_at") + horizon).alias("until")),
            imagined.with_columns(moment.alias("predicted_at"), pl.lit(end).cast(pl.Datetime("us", "UTC")).alias("until")),
        ]
    )
    followed = (
        requests.join(acts.select("user_id", "item_id", "event_time", *LABELS, "liked"), on="user_id")
        .filter(pl.col("event_time") >= pl.col("predicted_at"), pl.col("event_time") < pl.col("until"))
        .group_by("request_id", "user_id", "item_id", "predicted_at")
        .agg(*(pl.col(name).any() for name in (*LABELS, "liked")))
    )
    rows = (
        slates.drop("event_time")
        .with_columns(pl.lit(True).alias("shown"))
        .join(followed, on=["request_id", "user_id", "item_id", "predicted_at"], how="full", coalesce=True)
    )
    return (
        rows.with_columns(
            *(pl.col(name).fill_null(False) for name in (*LABELS, "liked", "shown")),
            pl.lit(1.0).alias("weight"),
        )
        .select(EXAMPLES.schema.names())
        .sort("request_id", "item_id")
        .collect()
    )


def needed_events(events: pl.LazyFrame, *, start: datetime) -> pl.LazyFrame:
    """What is read of the log, those of any users."""
    return events.filter(pl.col("event_time") >= start).select(
        "user_id", "item_id", "event_type", "value", "request_id", "position", "event_time", "known_at"
    )


def known_window(events: pl.LazyFrame, *, start: datetime, end: datetime) -> pl.LazyFrame:
    """Of `needed_events` those that count."""
    return needed_events(events, start=start).filter(pl.col("event_time") < end, pl.col("known_at") < end)


def _labels(relevance: Relevance) -> list[pl.Expr]:
    stars = [name for name in ("rating", "review") if name not in relevance.ignored]
    liked = pl.col("event_type").is_in(stars) & (pl.col("value") >= relevance.positive_rating)
    return [
        *(((pl.col("event_type") == kind) & (kind not in relevance.ignored)).alias(name) for name, kind in LABELS.items()),
        liked.fill_null(False).alias("liked"),
    ]


def run(context: StageContext) -> None:
    """Write the table `examples`, made of some users at a time (see `build_examples`), or as it stands where its window holds the same."""
    log, items = context.read("events"), context.read("catalogue").scan(CATALOGUE).select("item_id")
    cuts = resolve_cuts(context.config, log, date=context.date)
    window = partial(known_window, start=cuts.ranker, end=cuts.validation)
    made_of = {"start": cuts.ranker.isoformat(), "end": cuts.validation.isoformat(), "items": _digest_of(items.collect()["item_id"])}
    last = context.last_build()
    same = last if last is not None and last.manifest.facts["made_of"] == made_of else None
    known = read_digests(same)
    digests = day_digests(log, EVENTS, window, known=known)
    kept = same if same and first_difference(known, digests) is None else None
    days = -(-(cuts.validation - cuts.ranker) // timedelta(days=1))
    with context.workspace.write(context.stage.writes) as writer:
        if kept:
            for file in kept.files():
                writer.keep(kept, file)
            facts = {name: kept.manifest.facts[name] for name in ("rows", "requests")} | {"days": {"made": 0, "kept": days}}
        else:
            rows = _made(context, [needed_events(file, start=cuts.ranker) for file in log.scan_files(EVENTS)], items, cuts)
            write_parts(writer, [rows], EXAMPLES)
            facts = {"rows": rows.height, "requests": rows["request_id"].n_unique(), "days": {"made": days, "kept": 0}}
        write_digests(writer, digests)
        facts |= {"made_of": made_of, "recipe": context.recipe}
        context.commit(writer, facts=facts, same_rows_as=kept.manifest if kept else None)


def _made(context: StageContext, events: Sequence[pl.LazyFrame], items: pl.LazyFrame, cuts: Cuts) -> pl.DataFrame:
    config = context.config
    horizon = timedelta(days=config.ranker.horizon_days)
    make = partial(build_examples, item_ids=items, relevance=config.relevance, start=cuts.ranker, end=cuts.validation, horizon=horizon)
    return pl.concat(made_in_parts(make, events, "user_id", row_bytes=ROW_BYTES, context=context)).sort("request_id", "item_id")


def _digest_of(item_ids: pl.Series) -> str:
    return hashlib.sha256("\0".join(item_ids.sort()).encode()).hexdigest()


STAGE = Stage(
    name="build_examples",
    reads=("events", "catalogue"),
    writes="examples",
    config=("relevance", "cuts", "ranker"),
    sees={"part-": "validation"},
    run=run,
)
