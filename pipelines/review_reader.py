"""Who reads the reviews of a night: a model that is named, the one that an earlier night learned, or one that is learned now."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from feature_store.reviews import starred_ids, with_words
from pipelines.stage import StageContext
from recsys.encoders.star_classifier import StarClassifier
from recsys.encoders.stars import StarReader
from recsys.encoders.text import TextEncoder
from recsys.training.sentiment.star_model import OwnStars, StarModel, learn_stars

OWN = "own"
MODEL = "model.safetensors"
"""File of the table `review_sentiment` with the shop's own model."""
GROWTH = 1.25
"""The own model is learned anew once it could learn from so many times the reviews; until then it stands, and nothing is read twice."""
TEXTS_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Who reads, and what the next night must know to go on with it."""

    name: str
    """OWN, or the model of the config."""
    reader: StarReader
    model: StarModel | None = None
    """The shop's own."""
    learned: Mapping[str, Any] | None = None
    """Of the own model: `until` when reviews were learned from, how many `reviews`, a `digest` of which, and the `encoder` behind it."""


def open_reading(context: StageContext, reviews: Sequence[pl.LazyFrame], *, until: datetime) -> Reading | None:
    """The reader of the night, or None where there are too few reviews, or too few different stars, to learn one from.

    Args:
        context: Of the stage that writes `review_sentiment`.
        reviews: As `worded_reviews` gives them, file by file.
        until: An own model learns from nothing that happened or became known at or after it.

    Raises:
        EncoderError: A model cannot be loaded, or its labels are no stars.
    """
    config, embed = context.config.reviews, context.config.embed
    options: dict[str, Any] = {
        "max_tokens": config.max_tokens,
        "tokens_per_batch": embed.text_tokens_per_batch,
        "precision": embed.precision,
    }
    if config.model:
        return Reading(name=config.model, reader=StarClassifier(config.model, **options))
    files = [file.filter(pl.max_horizontal("event_time", "known_at") < until) for file in reviews]
    earlier = pl.concat(files)
    starred = int(earlier.select(pl.col("stars").count()).collect().item())
    if starred < config.min_reviews:
        return None
    encoder = TextEncoder(embed.text_model, pooling=embed.text_pooling, prefix=embed.text_prefix, **options)
    standing = context.workspace.read(context.stage.writes) if context.workspace.exists(context.stage.writes) else None
    learned = standing.manifest.facts["learned"] if standing else None
    if standing and learned and _still_good(learned, earlier, encoder, until=until, could_learn=min(starred, config.most_learned)):
        return _own(StarModel.load(standing.path(MODEL)), learned, encoder)
    ids = starred_ids(earlier, most=config.most_learned)
    model = _learn(context, with_words(files, ids), encoder)
    if model is None:
        return None
    learned = {"until": until.isoformat(), "reviews": ids.height, "digest": _digest(ids), "encoder": encoder.version}
    return _own(model, learned, encoder)


def _own(model: StarModel, learned: Mapping[str, Any], encoder: TextEncoder) -> Reading:
    return Reading(name=OWN, reader=OwnStars(encoder, model), model=model, learned=learned)


def _still_good(learned: Mapping[str, Any], reviews: pl.LazyFrame, encoder: TextEncoder, *, until: datetime, could_learn: int) -> bool:
    """Whether all that a model learned from is still there, lies before the moment, may be learned from, and there is not much more."""
    before = datetime.fromisoformat(learned["until"])
    fits = learned["reviews"] <= could_learn < GROWTH * learned["reviews"]
    if before > until or not fits or learned["encoder"] != encoder.version:
        return False
    ids = starred_ids(reviews.filter(pl.max_horizontal("event_time", "known_at") < before), most=learned["reviews"])
    return bool(_digest(ids) == learned["digest"])


def _digest(ids: pl.DataFrame) -> str:
    return hashlib.sha256("\n".join(ids["event_id"]).encode()).hexdigest()[:16]


def _learn(context: StageContext, sample: pl.DataFrame, encoder: TextEncoder) -> StarModel | None:
    starts = range(0, sample.height, TEXTS_AT_ONCE)
    texts = sample["text"].to_list()
    parts = [
        encoder.encode(texts[start : start + TEXTS_AT_ONCE])
        for start in context.progress.track(starts, what="learning what reviews say", total=len(starts))
    ]
    user = sample["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    return learn_stars(np.concatenate(parts), sample["stars"].to_numpy().astype(np.int64), user)
