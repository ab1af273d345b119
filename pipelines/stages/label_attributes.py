"""Guess the attributes that items lack from those that have them; what the shop itself says is never touched.

A text may spell an attribute out, and those of the items that lack it do not. So a classifier reads texts of which all attributes that
are labelled have been left out, in learning, judging and guessing alike.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.embeddings import read_embeddings
from feature_store.labelled import attribute_values, without_attributes
from feature_store.schema import ATTRIBUTE_LABELS, CATALOGUE
from pipelines.contents import open_texts
from pipelines.stage import Stage, StageContext
from recsys.data.items import build_items
from recsys.training.labelling.features import label_features
from recsys.training.labelling.labeller import Judged, Labeller, learn_labels

CLASSIFIER = "classifier"


def run(context: StageContext) -> None:
    """Write the table `attribute_labels`; empty where [labels] names nothing.

    Raises:
        LandingError: No item has an attribute that is named.
    """
    fingerprint, config = context.fingerprint, context.config.labels
    labels, measured, lines = [ATTRIBUTE_LABELS.empty()], {}, []
    if config.attributes:
        catalogue = context.read("catalogue").scan(CATALOGUE).collect()
        values = {name: attribute_values(catalogue, name) for name in config.attributes}
        features = _features(context, catalogue)
        group = catalogue.select(pl.coalesce("group_id", "item_id").rank("dense") - 1).to_series().to_numpy().astype(np.int64)
        for name in context.progress.track(config.attributes, what="labelling", total=len(config.attributes)):
            learned = learn_labels(features, values[name], group, config)
            if learned is None:
                lines.append(f"{name}: fewer than two values with {config.min_items} items to learn from")
                continue
            labels.append(guess_labels(learned[0], catalogue["item_id"], features, values[name], attribute=name))
            measured[name] = {**asdict(learned[1]), "threshold": learned[0].threshold}
            lines.append(told(name, *learned, labelled=len(labels[-1]), lacking=values[name].count(None)))
    table = pl.concat(labels)
    with context.workspace.write(STAGE.writes) as writer:
        writer.write(table, ATTRIBUTE_LABELS)
        context.commit(writer, facts={"rows": table.height, "measured": measured, "told": lines}, fingerprint=fingerprint)


def guess_labels(
    labeller: Labeller, item_ids: pl.Series, features: npt.NDArray[np.float32], values: Sequence[str | None], *, attribute: str
) -> pl.DataFrame:
    """Rows of `attribute_labels`: of the items that lack the attribute and are not unknown, each whose guess reaches the threshold."""
    lacking = np.flatnonzero(np.array([value is None for value in values]) & features.any(axis=1))
    if not len(lacking):
        return ATTRIBUTE_LABELS.empty()
    guesses, scores = labeller.guess(features[lacking])
    rows = pl.DataFrame({"item_id": item_ids.gather(lacking), "value": guesses.tolist(), "score": scores})
    kept = rows.filter(pl.col("score") >= labeller.threshold)
    return kept.with_columns(attribute=pl.lit(attribute), source=pl.lit(CLASSIFIER)).select(ATTRIBUTE_LABELS.schema.names())


def told(name: str, labeller: Labeller, judged: Judged, *, labelled: int, lacking: int) -> str:
    """A line for the terminal."""
    held_out = f"accuracy {judged.accuracy:.3f}, macro-F1 {judged.macro_f1:.3f} on {judged.items} held-out items (always the same: "
    kept = f"{judged.most_common:.3f}); {labelled} of {lacking} items without it labelled"
    how_sure = f", precision {judged.precision:.3f} at a score of {labeller.threshold:.2f}" if judged.precision is not None else ""
    return f"{name}: {held_out}{kept}{how_sure}"


def _features(context: StageContext, catalogue: pl.DataFrame) -> npt.NDArray[np.float32]:
    """The vectors of the night, but those of texts that say less without the attributes: these are encoded again."""
    embeddings = read_embeddings(context.read("item_embeddings"))
    items = build_items(catalogue, embeddings)
    texts = open_texts(context.config.embed, context.read("fine_tuned_encoders"))
    digests, _ = texts.read(without_attributes(catalogue, context.config.labels.attributes))
    known = dict(embeddings["text"].select("item_id", "content_digest").iter_rows())
    changed = [row for row, item_id in enumerate(catalogue["item_id"]) if digests[row] != known[item_id]]
    items.presence["text"][changed] = False
    for row, vector in texts.encode([row for row in changed if digests[row]]).vectors.items():
        items.vectors["text"][row], items.presence["text"][row] = vector, True
    return label_features(items.vectors, items.presence)


STAGE = Stage(
    name="label_attributes",
    reads=("catalogue", "item_embeddings", "fine_tuned_encoders"),
    writes="attribute_labels",
    config=("labels", "embed"),
    dated=False,
    run=run,
)
