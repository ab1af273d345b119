"""Make graphs of the encoders that item vectors come from, so that serving can encode a text or a photo that somebody searches with.

A graph depends on its encoder alone, so while encoders and code stay the same the last ones are carried over, whatever the catalogue does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.embeddings import encoder_versions, scan_embeddings
from feature_store.schema import CATALOGUE
from pipelines.config import Config
from pipelines.contents import open_content
from pipelines.photos import ItemPhotos
from pipelines.stage import Stage, StageContext, code_digest
from recsys.encoders.content import Content, ImageContent, TextContent
from recsys.encoders.export import export_image_encoder, export_text_encoder
from recsys.encoders.item_text import compose_text
from recsys.encoders.precision_check import fixed_sample
from recsys.encoders.protocol import EncoderError
from recsys.encoders.query_files import AT_LEAST, QueryDescription, QueryParity, save_description
from recsys.slate.query_encoder import ImageQueryEncoder, TextQueryEncoder

COMPARED = 200
"""Items whose vectors by graph and by model are compared."""
Vector = npt.NDArray[np.float32]


class QueryParityError(EncoderError):
    """A graph does not give the vectors of its encoder."""


def recipe(config: Config, versions: Mapping[str, str]) -> dict[str, Any]:
    """What the graphs are made from; those of an equal recipe are carried over."""
    code = [code_digest(module) for module in ("recsys.encoders.export", "recsys.slate.query_encoder")]
    embed = config.embed
    return {"encoders": dict(versions), "query_prefix": embed.text_query_prefix, "one_space": bool(embed.joint_model), "code": code}


def run(context: StageContext) -> None:
    """Carry the graphs over, or make them and hold them against their models; with `query_encoders = false` the table is empty.

    Raises:
        QueryParityError: A graph's vector is further from its model's than AT_LEAST allows.
        EncoderError: An encoder cannot be written as a graph.
    """
    table = STAGE.writes
    versions = encoder_versions(context.read("item_embeddings"))
    encoded = {name: versions[name] for name in ("image", "text") if versions.get(name, "none") != "none"}
    if not context.config.release.query_encoders:
        encoded = {}
    wanted = recipe(context.config, encoded)
    last = context.workspace.read(table) if context.workspace.exists(table) else None
    with context.workspace.write(table) as writer:
        if last is not None and last.manifest.facts["recipe"] == wanted:
            for file in last.manifest.files:
                writer.keep(last, file)
            context.commit(writer, facts={**last.manifest.facts, "carried_over": True})
            return
        parity = _export(context, encoded, writer.folder) if encoded else {}
        facts = {"rows": len(encoded), "parity": {name: asdict(one) for name, one in parity.items()}, "recipe": wanted}
        context.commit(writer, facts={**facts, "carried_over": False})


def _export(context: StageContext, versions: Mapping[str, str], folder: Path) -> dict[str, QueryParity]:
    embed = context.config.embed
    catalogue = context.read("catalogue").scan(CATALOGUE).collect()
    photos = ItemPhotos(context.config, context.read("fetched_images"))
    text, image, parity = None, None, {}
    for modality, version in context.progress.track(versions.items(), what="exporting query encoders", total=len(versions)):
        content = open_content(modality, context, catalogue, photos)[0].in_fp32()
        rows = fixed_sample(content, catalogue)[0].head(COMPARED)
        if isinstance(content, TextContent):
            text = export_text_encoder(content.encoder, folder, encoder_version=version, query_prefix=embed.text_query_prefix)
            by_graph = partial(_text_by_graph, TextQueryEncoder(folder, text), embed.text_fields)
        elif isinstance(content, ImageContent):
            image = export_image_encoder(content.encoder, folder, encoder_version=version)
            by_graph = partial(_photo_by_graph, ImageQueryEncoder(folder, image), photos)
        by_model = _by_model(content, rows)
        found = {row: by_graph(item) for row, item in enumerate(rows.iter_rows(named=True)) if row in by_model}
        parity[modality] = compare(found, by_model, _of_items(context, modality, rows))
        require(parity[modality], modality=modality)
    save_description(folder, QueryDescription(text=text, image=image, one_space=bool(embed.joint_model), parity=parity))
    return parity


def compare(by_graph: Mapping[int, Vector], by_model: Mapping[int, Vector], of_items: Mapping[int, Vector]) -> QueryParity:
    """Cosines of unit vectors, row by row.

    Args:
        by_graph: Row -> vector, from raw content on.
        by_model: The same rows.
        of_items: What the table `item_embeddings` holds of them, or of some.
    """
    if not by_graph:
        return QueryParity(compared=0)
    cosines = np.array([by_graph[row] @ by_model[row] for row in by_graph])
    stored = [float(by_graph[row] @ of_items[row]) for row in by_graph if row in of_items]
    return QueryParity(
        compared=len(cosines),
        min_cosine=float(cosines.min()),
        mean_cosine=float(cosines.mean()),
        min_cosine_to_items=min(stored, default=None),
    )


def require(parity: QueryParity, *, modality: str) -> None:
    """Let a graph pass, or not.

    Raises:
        QueryParityError: A cosine is below AT_LEAST, or not finite.
    """
    if parity.min_cosine is not None and not parity.min_cosine >= AT_LEAST:
        raise QueryParityError(
            f"the graph of the {modality} encoder does not give its vectors: the lowest cosine over {parity.compared} items is "
            f"{parity.min_cosine:.4f}, at least {AT_LEAST} is needed. Report it; [release] query_encoders = false publishes without."
        )


def _text_by_graph(graph: TextQueryEncoder, fields: Sequence[str], item: Mapping[str, Any]) -> Vector:
    (vector,) = graph.encode([compose_text(item, fields)], of_items=True)
    return np.asarray(vector)


def _photo_by_graph(graph: ImageQueryEncoder, photos: ItemPhotos, item: Mapping[str, Any]) -> Vector:
    (vector,) = graph.encode([photos.read(item["image_uri"])])
    return np.asarray(vector)


def _by_model(content: Content, rows: pl.DataFrame) -> Mapping[int, Vector]:
    digests, _ = content.read(rows)
    return content.encode([row for row, digest in enumerate(digests) if digest]).vectors


def _of_items(context: StageContext, modality: str, rows: pl.DataFrame) -> Mapping[int, Vector]:
    known = scan_embeddings(context.read("item_embeddings"), modality).filter(
        "presence", pl.col("item_id").is_in(rows["item_id"].implode())
    )
    vectors = dict(known.select("item_id", "vector").collect().iter_rows())
    return {row: np.array(vectors[item], np.float32) for row, item in enumerate(rows["item_id"]) if item in vectors}


STAGE = Stage(
    name="export_query_encoders",
    reads=("catalogue", "fetched_images", "image_encoder", "fine_tuned_encoders", "item_embeddings"),
    writes="query_encoders",
    config=("embed", "release"),
    dated=False,
    run=run,
)
