"""Where contents become vectors: in this process, or in workers that Daft starts here or on a cluster."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from pipelines.encoding.shard import ReadShard
from pipelines.scale.workers import Workers
from pipelines.stage import StageContext
from recsys.encoders.content import Content, Encoded


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
        EngineError: It is not installed.
    """
    embed = context.config.embed
    if embed.engine == "local" or modality in context.config.sources.modalities:
        return LocalEngine(content)
    workers = Workers(section="embed", number=embed.workers, ray_address=embed.ray_address, gpus_each=embed.gpus_per_worker)
    from pipelines.encoding.daft_engine import DaftEngine

    return DaftEngine(modality, content, context, workers)
