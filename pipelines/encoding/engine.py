"""Where contents become vectors: in this process, or in workers that Daft starts here or on a cluster."""

import importlib.util
import os
from collections.abc import Iterable, Iterator
from typing import Protocol

from pipelines.config import ConfigError
from pipelines.encoding.shard import ReadShard
from pipelines.stage import StageContext
from recsys.encoders.config import EmbedConfig
from recsys.encoders.content import Content, Encoded

QUIET = {"DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0", "DAFT_PROGRESS_BAR": "0"}
"""Daft and Ray report home unless told not to, and the night has bars of its own. A shop's own settings win."""


class EngineError(ConfigError):
    """The engine that [embed] names cannot be used here, or a worker of it has failed."""


class EncodingEngine(Protocol):
    """Encodes what shards have that is fresh."""

    def encode(self, shards: Iterable[ReadShard]) -> Iterator[tuple[ReadShard, Encoded]]:
        """Each shard once, as soon as its rows `fresh` are encoded, in any order.

        The rows of a shard are encoded together, so its vectors do not depend on the other shards.

        Args:
            shards: Read when they are asked for; a `Content` remembers only what it has read last.
        """


class LocalEngine:
    """One shard after the other, by the content that has read it."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def encode(self, shards: Iterable[ReadShard]) -> Iterator[tuple[ReadShard, Encoded]]:
        """See `EncodingEngine`; in order."""
        for shard in shards:
            yield shard, self._content.encode(shard.fresh)


def open_engine(modality: str, content: Content, context: StageContext) -> EncodingEngine:
    """The engine of the config for one modality; vectors that are given are looked up here whatever it is.

    Args:
        modality: One of `pipelines.contents.modalities_of`.
        content: The modality, as it is read here.
        context: Of the stage that embeds.

    Raises:
        EngineError: Its settings contradict one another, or it is not installed.
    """
    embed = context.config.embed
    if embed.engine == "local" or modality in context.config.sources.modalities:
        return LocalEngine(content)
    _check(embed)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from pipelines.encoding.daft_engine import DaftEngine

    return DaftEngine(modality, content, context)


def _check(embed: EmbedConfig) -> None:
    if embed.workers < 1:
        raise EngineError(f"[embed] workers: found {embed.workers}, at least 1 is needed.")
    if embed.gpus_per_worker and not embed.ray_address:
        raise EngineError(
            f"[embed] gpus_per_worker = {embed.gpus_per_worker} is a request to Ray, and ray_address is empty. Name a cluster, or set "
            'ray_address = "local" for the GPUs of this machine.'
        )
    for package in ("daft", "ray") if embed.ray_address else ("daft",):
        if importlib.util.find_spec(package) is None:
            raise EngineError(
                f"[embed] engine = \"daft\" needs the package {package}, which is not installed. Run `pip install 'vitrine[scale]'`, in a "
                'clone `make install`, or set engine = "local".'
            )
