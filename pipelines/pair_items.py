"""What encoders are fine-tuned on, gathered from the catalogue, the photos and the log."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.schema import CATALOGUE
from pipelines.inputs import load_interactions, load_items
from pipelines.learning_photos import load_photos
from pipelines.photos import ItemPhotos
from pipelines.stage import StageContext
from recsys.data.co_clicks import co_click_pairs
from recsys.encoders.image import ImageEncoderSpec
from recsys.encoders.item_text import compose_text
from recsys.training.fine_tuning.items import PairItems, Rows, hold_out, same_content


def gather_pair_items(context: StageContext, spec: ImageEncoderSpec | None, *, before: datetime) -> PairItems:
    """Items with a photo or a text, at most `[fine_tune] items` of them, and which of them were wanted one after the other.

    Args:
        context: Of a stage that reads catalogue, fetched_images and events.
        spec: How photos are prepared; None: without photos.
        before: Only clicks that had happened, and were known, before this moment.
    """
    config = context.config.fine_tune
    catalogue = context.read("catalogue").scan(CATALOGUE).collect()
    if spec is None:
        catalogue = catalogue.with_columns(image_uri=pl.lit(None, pl.String))
    said = _fields(catalogue, context.config.embed.all_text_fields)
    has_text = np.array([len(each) > 0 for each in said], bool)
    chosen = _sample(np.flatnonzero(has_text | catalogue["image_uri"].is_not_null().to_numpy()), config.items, seed=config.seed)
    read = ItemPhotos(context.config, context.read("fetched_images")).read
    rows, pixels, digests = load_photos(catalogue[chosen], read, size=spec.size if spec else 1, crop=spec.crop if spec else 1.0)
    photo = np.full(len(chosen), -1)
    photo[rows] = np.arange(len(rows))
    fields = [said[row] for row in chosen]
    group = same_content([digests[at] if at >= 0 else None for at in photo], [". ".join(each) for each in fields])
    past = load_interactions(context.read("events"), load_items(context.read("catalogue")), context.config.relevance, before=before)
    pairs = _rows_of(co_click_pairs(past, within_hours=config.co_click_hours), chosen, known=has_text[chosen] | (photo >= 0))
    return PairItems(
        pixels=pixels,
        photo=photo,
        fields=fields,
        group=group,
        co_clicks=pairs[group[pairs[:, 0]] != group[pairs[:, 1]]],
        held_out=hold_out(group, share=config.held_out_share, seed=config.seed),
    )


def _fields(catalogue: pl.DataFrame, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Of each item what its text fields say."""
    return [tuple(text for name in names if (text := compose_text(item, (name,)))) for item in catalogue.iter_rows(named=True)]


def _sample(rows: Rows, at_most: int, *, seed: int) -> Rows:
    return rows if len(rows) <= at_most else np.sort(np.random.default_rng(seed).choice(rows, at_most, replace=False))


def _rows_of(pairs: Rows, chosen: Rows, *, known: npt.NDArray[np.bool_]) -> Rows:
    """Pairs of item_index as pairs of rows of `chosen`, those alone whose items are both there and `known`."""
    place = np.full(max(chosen.max(initial=0), pairs.max(initial=0)) + 1, -1)
    place[chosen[known]] = np.flatnonzero(known)
    ends = place[pairs]
    return ends[(ends >= 0).all(axis=1)]
