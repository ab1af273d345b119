"""Read the words of reviews: what each says of its item, from -1 to 1, and how often that agrees with the stars beside it.

The log is read file by file. What an earlier night has read with the same model is kept; what is read in this one lies in the scratch
folder file by file, so a killed stage goes on at the first missing one.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from feature_store.disk import writing_to
from feature_store.layout import TableReader, Workspace, scan_file
from feature_store.reviews import worded_reviews
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from feature_store.splits import Cuts
from pipelines.config import Config
from pipelines.inputs import resolve_cuts
from pipelines.model_files import model_digest
from pipelines.review_reader import MODEL, TEXTS_AT_ONCE, Reading, open_reading
from pipelines.stage import Stage, StageContext
from recsys.encoders.stars import STARS, StarReader, likely_stars, sentiment
from recsys.encoders.text import text_source
from recsys.evaluation.stars import JudgedStars, judge_stars

READ = ("sentiment", "likely_stars")
"""Columns that a reader fills."""


def run(context: StageContext) -> None:
    """Write the table `review_sentiment`; empty where no review has words, or too few to learn from.

    Raises:
        EncoderError: See `open_reading`.
    """
    config, log = context.config, context.read("events")
    files = [worded_reviews(file, before=context.date) for file in log.scan_files(EVENTS)]
    reviews = pl.concat(files)
    reading, parts, rows = None, [], 0
    facts: dict[str, Any] = {"reader": "none", "version": "", "learned": None, "judged": None, "told": []}
    if config.reviews.read and reviews.select(pl.len()).collect().item():
        cuts = resolve_cuts(config, log, date=context.date)
        reading = open_reading(context, files, until=cuts.ranker)
        if reading is None:
            least = f"at least {config.reviews.min_reviews} before the ranker's window, two numbers of stars with ten by several users"
            facts["told"] = [f"too few reviews with words and 1 to 5 stars to learn from ({least}): none is read"]
        else:
            parts = _read_log(context, log, reading)
            read = pl.scan_parquet(parts, glob=False)
            rows, judged = read.select(pl.len()).collect().item(), judge_reviews(reviews, read, cuts)
            facts |= {"reader": reading.name, "version": reading.reader.version, "learned": reading.learned}
            facts |= {"judged": asdict(judged) if judged else None, "told": [told(reading, judged)]}
    with context.workspace.write(STAGE.writes) as writer:
        for number, part in enumerate(parts):
            writer.write(pl.read_parquet(part), REVIEW_SENTIMENT, file=f"part-{number:04d}.parquet")
        if not parts:
            writer.write(REVIEW_SENTIMENT.empty(), REVIEW_SENTIMENT)
        if reading is not None and reading.model is not None:
            reading.model.save(writer.folder / MODEL)
        context.commit(writer, facts={"rows": rows, **facts})


def read_reviews(reviews: pl.DataFrame, known: pl.DataFrame, reader: StarReader) -> pl.DataFrame:
    """Rows of `review_sentiment`, one per review, in their order.

    Args:
        reviews: As `worded_reviews` gives them.
        known: event_id and READ of reviews that need not be read again.
        reader: Reads the words of the others, equal ones once.
    """
    unread = reviews.join(known, on="event_id", how="anti")["text"].unique(maintain_order=True)
    texts = unread.to_list()
    parts = [reader.read(texts[start : start + TEXTS_AT_ONCE]) for start in range(0, len(texts), TEXTS_AT_ONCE)]
    probabilities = np.concatenate([np.zeros((0, len(STARS))), *parts])
    said = pl.DataFrame({"text": unread, "sentiment": sentiment(probabilities), "likely_stars": likely_stars(probabilities)})
    rows = reviews.join(known, on="event_id", how="left", maintain_order="left")
    rows = rows.join(said, on="text", how="left", maintain_order="left", suffix="_now")
    return rows.with_columns(pl.coalesce(name, f"{name}_now") for name in READ).select(REVIEW_SENTIMENT.schema.names())


def judge_reviews(reviews: pl.LazyFrame, read: pl.LazyFrame, cuts: Cuts) -> JudgedStars | None:
    """How well stars are told from words in the ranker's window, which no own model has learned from; None without stars there.

    Args:
        reviews: As `worded_reviews` gives them.
        read: Rows of `review_sentiment`.
        cuts: Of the night.
    """
    known = pl.max_horizontal("event_time", "known_at")
    starred = reviews.filter(pl.col("stars").is_not_null()).select("event_id", "stars", known.alias("known"))
    window = starred.filter(pl.col("known").is_between(cuts.ranker, cuts.validation, closed="left"))
    found = window.join(read, on="event_id").select("stars", *READ).collect()
    if found.is_empty():
        return None
    counts = dict(starred.filter(pl.col("known") < cuts.ranker).group_by("stars").len().collect().rows())
    given, likely = (found[name].to_numpy().astype(np.int64) for name in ("stars", "likely_stars"))
    earlier = np.array([counts.get(int(star), 0) for star in STARS], np.int64)
    return judge_stars(given, likely, 3 + 2 * found["sentiment"].to_numpy(), earlier=earlier)


def told(reading: Reading, judged: JudgedStars | None) -> str:
    """A line for the terminal."""
    who = f"{reading.name} model" if reading.learned is None else f"own model, learned from {reading.learned['reviews']:,} reviews"
    if judged is None:
        return f"{who}: no later review with stars to judge it by"
    accuracy = f"accuracy {judged.accuracy:.3f} (always the commonest stars: {judged.constant_accuracy:.3f})"
    return (
        f"{who}: {accuracy}, off by {judged.mae:.2f} stars (always the mean: {judged.constant_mae:.2f}) on {judged.reviews:,} later reviews"
    )


def _read_log(context: StageContext, log: TableReader, reading: Reading) -> list[Path]:
    """Read every file of the log; the files that were made of them, of those that hold a review."""
    parts = []
    files, last = log.files(), _last_build(context, reading.reader.version)
    for number, file in enumerate(context.progress.track(files, what="reading reviews", total=len(files))):
        part = context.scratch / f"{number:04d}-{log.manifest.files[file]['sha256'][:12]}.parquet"
        if not part.is_file():
            reviews = worded_reviews(scan_file(log.path(file), EVENTS), before=context.date).collect()
            if reviews.is_empty():
                continue
            span = pl.col("event_time").is_between(reviews["event_time"].min(), reviews["event_time"].max())
            rows = read_reviews(reviews, last.filter(span).select("event_id", *READ).collect(), reading.reader)
            with writing_to(context.scratch):
                rows.write_parquet(part.with_suffix(".half"))
            part.with_suffix(".half").rename(part)
        parts.append(part)
    return parts


def _last_build(context: StageContext, version: str) -> pl.LazyFrame:
    """What an earlier night has read with the same model."""
    table: Any = context.workspace.read(STAGE.writes) if context.workspace.exists(STAGE.writes) else None
    same = table is not None and table.manifest.facts.get("version") == version
    return table.scan(REVIEW_SENTIMENT) if same else REVIEW_SENTIMENT.empty().lazy()


def model_digests(config: Config, _workspace: Workspace) -> Mapping[str, str]:
    """Of the files of the model that reads."""
    return {"model": model_digest(config.reviews.model or text_source(config.embed.text_model))}


STAGE = Stage(
    name="analyse_reviews",
    reads=("events",),
    writes="review_sentiment",
    config=("reviews", "embed", "relevance", "cuts"),
    sees={"": "date"},
    extra=model_digests,
    run=run,
)
