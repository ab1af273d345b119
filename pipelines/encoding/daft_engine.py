"""Shards encoded by Daft workers, each with an encoder of its own: processes of this machine, or actors of a Ray cluster.

A shard is one row of a Daft frame, so its items meet the same batch companions as in the local engine and get the same vectors, whoever
encodes them. Catalogue rows travel with the frame; photos, weights and the table `fetched_images` are read by each worker, so every
machine must see the workspace under the same path.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import torch

from feature_store.schema import CATALOGUE
from pipelines.contents import open_content
from pipelines.encoding.engine import LocalEngine
from pipelines.encoding.shard import ReadShard
from pipelines.photos import ItemPhotos
from pipelines.scale.workers import EngineError, Workers, require_workspace
from pipelines.stage import StageContext
from recsys.encoders.content import Content, Encoded
from recsys.encoders.precision import best_device, resolve_precision


class ShardEncoder:
    """What one worker is: an encoder, opened once.

    Args:
        context: Of the stage, with paths that are absolute.
        modality: What it encodes.
        version: Of the encoder that the night has opened; see `Encoder`.

    Raises:
        EngineError: This machine has another encoder than the night, or does not see the workspace.
    """

    def __init__(self, context: StageContext, modality: str, version: str) -> None:
        require_workspace(context.workspace)
        photos = ItemPhotos(context.config, context.read("fetched_images"))
        self._content, _ = open_content(modality, context, CATALOGUE.empty(), photos)
        if self._content.version != version:
            raise EngineError(
                f"the {modality} encoder of {os.uname().nodename} is {self._content.version}, the night has {version}: install the same "
                "packages and model on every machine"
            )

    def __call__(self, rows: pl.DataFrame) -> Encoded:
        """Encode rows of the table `catalogue`, all of a shard."""
        self._content.read(rows)
        return self._content.encode(range(len(rows)))


class DaftEngine:
    """An `EncodingEngine` of several workers.

    Args:
        modality: What it encodes.
        content: The modality, as it is read here.
        context: Of the stage.
        workers: That encode.
    """

    def __init__(self, modality: str, content: Content, context: StageContext, workers: Workers) -> None:
        self._shard_items, self._content, self._workers = context.config.embed.shard_items, content, workers
        self._arguments = (_for_workers(context), modality, content.version)

    def encode(self, shards: Iterable[ReadShard]) -> Iterator[tuple[ReadShard, Encoded]]:
        """See `EncodingEngine`; all shards are read before the first is encoded, and no more rows than one could hold are encoded here.

        Raises:
            EngineError: Ray cannot be reached, has no room for a worker, or one has failed.
        """
        waiting: dict[int, ReadShard] = {}
        for shard in shards:
            if shard.fresh:
                waiting[shard.start] = shard
            else:
                yield shard, Encoded()
        if sum(len(shard.fresh) for shard in waiting.values()) <= self._shard_items:
            yield from LocalEngine(self._content).encode(self._read_again(waiting.values()))
            return
        tasks = {start: shard.rows[list(shard.fresh)] for start, shard in waiting.items()}
        for start, encoded in self._workers.work(ShardEncoder, self._arguments, tasks):
            yield waiting[start], _at_rows(encoded, waiting[start].fresh)

    def _read_again(self, shards: Iterable[ReadShard]) -> Iterator[ReadShard]:
        for shard in shards:
            self._content.read(shard.rows)
            yield shard


def _at_rows(encoded: Encoded, rows: Sequence[int]) -> Encoded:
    """The outcome of the nth item that was sent belongs to the nth of these rows."""
    return Encoded({rows[at]: vector for at, vector in encoded.vectors.items()}, {rows[at]: why for at, why in encoded.reasons.items()})


def _for_workers(context: StageContext) -> StageContext:
    """The same from any folder and on any device: paths absolute, number format settled."""
    embed = context.config.embed
    precision = "bf16" if resolve_precision(embed.precision, best_device()) == torch.bfloat16 else "fp32"
    there = replace(
        embed, precision=precision, text_model=_from_any_folder(embed.text_model), joint_model=_from_any_folder(embed.joint_model)
    )
    return replace(context, config=replace(context.config, workspace=str(context.workspace.root), embed=there))


def _from_any_folder(model: str) -> str:
    """A model's folder as an absolute path; a name as it is."""
    return str(Path(model).resolve()) if model and Path(model).is_dir() else model
