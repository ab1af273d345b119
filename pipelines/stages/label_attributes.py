"""Guess the attributes that items lack; what the shop itself says is never touched.

Those of `[labels] attributes` are learned from the items that have them. A text may spell an attribute out, and those of the items that
lack it do not; so the classifier reads texts of which all attributes that are learned have been left out, in learning, judging and guessing
alike. Their vectors stay in the table: the next run encodes what is new or has changed.

Those of `[labels.zero_shot]` are not learned: the joint model holds photos against a prompt for each value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.embeddings import read_embeddings
from feature_store.labelled import CATEGORY, attribute_values, stated_values, without_attributes
from feature_store.layout import TableReader
from feature_store.schema import ATTRIBUTE_LABELS, CATALOGUE
from pipelines.contents import open_texts
from pipelines.encoding.shard import embed_shard
from pipelines.stage import Stage, StageContext
from recsys.data.items import build_items
from recsys.training.labelling.features import label_features
from recsys.training.labelling.judging import Guesser, Judged
from recsys.training.labelling.labeller import learn_labels
from recsys.training.labelling.zero_shot import describe_values, judge_zero_shot

CLASSIFIER, ZERO_SHOT = "classifier", "zero_shot"
TEXTS = "texts.arrow"
"""Rows of the table `item_embeddings`: of texts that say less without the attributes that are learned."""


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """What was guessed of one attribute."""

    attribute: str
    told: str
    """A line for the terminal."""
    rows: pl.DataFrame
    """Of the table `attribute_labels`."""
    measured: Mapping[str, float | None]
    """Empty where there is nothing to measure by."""


def run(context: StageContext) -> None:
    """Write the table `attribute_labels`; empty where [labels] names nothing.

    Raises:
        LandingError: No item has an attribute that shall be learned.
        EncoderError: The joint model cannot be opened, or does not read a prompt whole.
    """
    fingerprint = context.fingerprint
    with context.workspace.write(STAGE.writes) as writer:
        found: list[Guesses] = []
        if context.config.labels.attributes or context.config.labels.zero_shot:
            catalogue = context.read("catalogue").scan(CATALOGUE).collect()
            embeddings = read_embeddings(context.read("item_embeddings"))
            group = catalogue.select(pl.coalesce("group_id", "item_id").rank("dense") - 1).to_series().to_numpy().astype(np.int64)
            values = {name: stated_values(catalogue, name) for name in context.config.labels.attributes}
            found += _zero_shot(context, catalogue, embeddings["image"], group)
            if values:
                texts = {name: _texts(name, context, catalogue, embeddings[name]) for name in context.config.embed.texts}
                new = [rows.join(embeddings[name], on=("item_id", "content_digest"), how="anti") for name, rows in texts.items()]
                pl.concat(new).write_ipc(writer.folder / TEXTS)
                found += _learned(context, catalogue, {**embeddings, **texts}, group, values)
        table = pl.concat([ATTRIBUTE_LABELS.empty(), *(one.rows for one in found)])
        writer.write(table, ATTRIBUTE_LABELS)
        facts = {
            "rows": table.height,
            "measured": {one.attribute: one.measured for one in found if one.measured},
            "told": [one.told for one in found],
        }
        context.commit(writer, facts=facts, fingerprint=fingerprint)


def _learned(
    context: StageContext,
    catalogue: pl.DataFrame,
    embeddings: Mapping[str, pl.DataFrame],
    group: npt.NDArray[np.int64],
    values: Mapping[str, list[str | None]],
) -> Iterator[Guesses]:
    config = context.config.labels
    items = build_items(catalogue, embeddings)
    features = label_features(items.vectors, items.presence)
    for name in context.progress.track(values, what="labelling", total=len(values)):
        learned = learn_labels(features, values[name], group, config)
        if learned is None:
            line = f"{name}: fewer than two values with {config.min_items} items to learn from"
            yield Guesses(attribute=name, told=line, rows=ATTRIBUTE_LABELS.empty(), measured={})
            continue
        rows = guess_labels(learned[0], catalogue["item_id"], features, values[name], attribute=name, source=CLASSIFIER)
        line = told(name, *learned, labelled=len(rows), lacking=values[name].count(None))
        note = "; flattered: an encoder was fitted here to texts that say it" if _flattered(context, name) else ""
        yield Guesses(attribute=name, told=line + note, rows=rows, measured=asdict(learned[1]) | {"threshold": learned[0].threshold})


def _zero_shot(context: StageContext, catalogue: pl.DataFrame, photos: pl.DataFrame, group: npt.NDArray[np.int64]) -> Iterator[Guesses]:
    config = context.config.labels
    if not config.zero_shot:
        return
    encoder = open_texts(context.config.embed, context.read("fine_tuned_encoders")).encoder
    vectors = build_items(catalogue, {"image": photos}).vectors["image"]
    for name, allowed in config.zero_shot.items():
        values = attribute_values(catalogue, name)
        described = describe_values(encoder, allowed, config.prompts.get(name, config.prompt))
        labeller, judged = judge_zero_shot(described, vectors, values, group, config)
        rows = guess_labels(labeller, catalogue["item_id"], vectors, values, attribute=name, source=ZERO_SHOT)
        line = told(name, labeller, judged, labelled=len(rows), lacking=values.count(None))
        measured = asdict(judged) | {"threshold": labeller.threshold} if judged else {}
        yield Guesses(attribute=name, told=line, rows=rows, measured=measured)


def guess_labels(
    labeller: Guesser, item_ids: pl.Series, features: npt.NDArray[np.float32], values: Sequence[str | None], *, attribute: str, source: str
) -> pl.DataFrame:
    """Rows of `attribute_labels`: of the items that lack the attribute and are not unknown, each whose guess reaches the threshold."""
    lacking = np.flatnonzero(np.array([value is None for value in values]) & features.any(axis=1))
    if not len(lacking):
        return ATTRIBUTE_LABELS.empty()
    guesses, scores = labeller.guess(features[lacking])
    rows = pl.DataFrame({"item_id": item_ids.gather(lacking), "value": guesses.tolist(), "score": scores})
    kept = rows.filter(pl.col("score") >= labeller.threshold)
    return kept.with_columns(attribute=pl.lit(attribute), source=pl.lit(source)).select(ATTRIBUTE_LABELS.schema.names())


def told(name: str, labeller: Guesser, judged: Judged | None, *, labelled: int, lacking: int) -> str:
    """A line for the terminal."""
    kept = f"{labelled} of {lacking} items without it labelled"
    at = f"at a score of {labeller.threshold:.2f}"
    if judged is None:
        return f"{name}: no item with a photo says it, so nothing is measured; {kept} {at}"
    held_out = f"accuracy {judged.accuracy:.3f}, macro-F1 {judged.macro_f1:.3f} on {judged.items} held-out items"
    how_sure = f", precision {judged.precision:.3f} {at}" if judged.precision is not None else ""
    return f"{name}: {held_out} (always the same: {judged.most_common:.3f}); {kept}{how_sure}"


def _texts(modality: str, context: StageContext, catalogue: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Rows of `item_embeddings` of texts without the attributes; encoded where neither the night nor the last run has done so."""
    texts = open_texts(context.config.embed, context.read("fine_tuned_encoders"), modality=modality)
    if context.workspace.exists(STAGE.writes):
        known = pl.concat([known, _last_texts(modality, context.workspace.read(STAGE.writes), known)])
    frame, _ = embed_shard(without_attributes(catalogue, context.config.labels.attributes), texts, known, modality=modality)
    return frame


def _last_texts(modality: str, table: TableReader, like: pl.DataFrame) -> pl.DataFrame:
    """What the last run has left; nothing where its rows are of another kind."""
    rows = pl.read_ipc(table.path(TEXTS)) if TEXTS in table.manifest.files else like.clear()
    return rows.filter(pl.col("modality") == modality) if rows.schema == like.schema else like.clear()


def _flattered(context: StageContext, name: str) -> bool:
    """Whether an encoder has learned here from the texts of items that are held out, and these said the attribute."""
    fitted = context.read("image_encoder").manifest.facts.get("encoder") == "trained" or context.read("fine_tuned_encoders").manifest.files
    return bool(fitted) and ("category" if name == CATEGORY else "attributes") in context.config.embed.all_text_fields


STAGE = Stage(
    name="label_attributes",
    reads=("catalogue", "item_embeddings", "image_encoder", "fine_tuned_encoders"),
    writes="attribute_labels",
    config=("labels", "embed"),
    dated=False,
    run=run,
)
