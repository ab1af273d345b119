"""Shards encoded by Daft workers, each with an encoder of its own: processes of this machine, or actors of a Ray cluster.

A shard is one row of a Daft frame, so its items meet the same batch companions as in the local engine and get the same vectors, whoever
encodes them. Catalogue rows travel with the frame; photos, weights and the table `fetched_images` are read by each worker, so every
machine must see the workspace under the same path.
"""

import math
import os
import pickle
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import daft
import polars as pl
import torch

from feature_store.schema import CATALOGUE
from pipelines.contents import open_content
from pipelines.encoding.engine import EngineError, LocalEngine
from pipelines.encoding.shard import ReadShard
from pipelines.photos import ItemPhotos
from pipelines.stage import StageContext
from recsys.encoders.content import Content, Encoded
from recsys.encoders.precision import best_device, resolve_precision

KNOCK_S = 10.0
WORKER_STARTS_WITHIN_S = 300
"""Daft would give up on a worker after two minutes; large models from a mount, or a busy machine, take longer."""


class ShardEncoder:
    """What one worker is: an encoder, opened once.

    Args:
        context: Of the stage, with paths that are absolute.
        modality: What it encodes.
        version: Of the encoder that the night has opened; see `Encoder`.
        threads: Torch threads; None leaves them as Ray has set them.

    Raises:
        EngineError: This machine has another encoder than the night, or does not see the workspace.
    """

    def __init__(self, context: StageContext, modality: str, version: str, threads: int | None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        root = context.workspace.root
        if not root.is_dir():
            raise EngineError(f"{os.uname().nodename} does not see {root}: mount the workspace under the same path on every machine")
        photos = ItemPhotos(context.config, context.read("fetched_images"))
        self._content, _ = open_content(modality, context, CATALOGUE.empty(), photos)
        if self._content.version != version:
            raise EngineError(
                f"the {modality} encoder of {os.uname().nodename} is {self._content.version}, the night has {version}: install the same "
                "packages and model on every machine"
            )

    def _encode(self, shards: daft.Series) -> list[bytes]:
        return [pickle.dumps(self._encoded(pickle.loads(shard))) for shard in shards.to_pylist()]

    def _encoded(self, rows: pl.DataFrame) -> Encoded:
        self._content.read(rows)
        return self._content.encode(range(len(rows)))

    encode = daft.method.batch(return_dtype=daft.DataType.binary(), batch_size=1)(_encode)
    """Pickled rows of the table `catalogue` -> the pickled `Encoded` of all of them, a shard at a time."""


class DaftEngine:
    """An `EncodingEngine` of several workers.

    Args:
        modality: What it encodes.
        content: The modality, as it is read here.
        context: Of the stage.
    """

    def __init__(self, modality: str, content: Content, context: StageContext) -> None:
        self._embed, self._content = context.config.embed, content
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
        if sum(len(shard.fresh) for shard in waiting.values()) <= self._embed.shard_items:
            yield from LocalEngine(self._content).encode(self._read_again(waiting.values()))
            return
        _start_runner(self._embed.ray_address, self._embed.workers)
        daft.set_execution_config(actor_udf_ready_timeout=WORKER_STARTS_WITHIN_S)
        try:
            for row in self._query(waiting).iter_rows():
                shard = waiting.pop(row["start"])
                yield shard, _at_rows(pickle.loads(row["encoded"]), shard.fresh)
        except Exception as error:  # Daft and Ray wrap what a worker raises, each in its own way
            told = str(error).strip().splitlines() or [type(error).__name__]
            raise EngineError(
                f'[embed] engine = "daft": {told[-1].rstrip(".")}. {len(waiting)} shards are left; the same command goes on.'
            ) from error

    def _read_again(self, shards: Iterable[ReadShard]) -> Iterator[ReadShard]:
        for shard in shards:
            self._content.read(shard.rows)
            yield shard

    def _query(self, waiting: Mapping[int, ReadShard]) -> Any:
        frame = daft.from_pydict(
            {"start": list(waiting), "rows": [pickle.dumps(shard.rows[list(shard.fresh)]) for shard in waiting.values()]}
        )
        workers = min(self._embed.workers, len(waiting))
        if self._embed.ray_address:
            workers = min(workers, _room(self._embed.gpus_per_worker))
            frame, threads = frame.into_partitions(len(waiting)), None
        else:
            threads = max(1, (os.cpu_count() or 1) // workers)
        pool = daft.cls(ShardEncoder, max_concurrency=workers, gpus=self._embed.gpus_per_worker, use_process=True)
        return frame.select("start", pool(*self._arguments, threads).encode(frame["rows"]).alias("encoded"))


def _at_rows(encoded: Encoded, rows: Sequence[int]) -> Encoded:
    """The outcome of the nth item that was sent belongs to the nth of these rows."""
    return Encoded({rows[at]: vector for at, vector in encoded.vectors.items()}, {rows[at]: why for at, why in encoded.reasons.items()})


@cache
def _start_runner(ray_address: str, workers: int) -> None:
    """Once per process; Daft allows no other runner after that."""
    if not ray_address:
        daft.set_runner_native()
        return
    import ray

    try:
        if ray_address == "local":
            ray.init("local", num_cpus=max(workers, os.cpu_count() or 1), include_dashboard=False, log_to_driver=False)
        else:
            _knock(ray_address)
            ray.init(ray_address, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(f"[embed] ray_address = {ray_address!r}: {error}. Is Ray started there, and reached from here?") from error
    daft.set_runner_ray(noop_if_initialized=True)


def _knock(ray_address: str) -> None:
    """Ray itself tries for minutes where nobody answers."""
    host, colon, port = ray_address.rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def _room(gpus_per_worker: float) -> int:
    """How many workers the cluster has room for, at least 1; for more than that Daft would wait in vain."""
    import ray

    there = ray.cluster_resources()
    cards = there.get("GPU", 0.0) / gpus_per_worker if gpus_per_worker else math.inf
    return max(1, int(min(there.get("CPU", 0.0), cards)))


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
