"""The retriever less one of its parts: what an ablation trains beside the full one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.config import ConfigError
from recsys.data.items import Items
from recsys.training.config import FUSION_KINDS, RetrieverConfig

WITHOUT_HISTORY = "without history"
"""The variant that is no other model: the full one, to which everybody is a stranger."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The retriever with one thing changed."""

    key: str
    """What `--only` calls it."""
    name: str
    """As it stands in the table."""
    part: str
    """What the full model has and this one lacks."""
    config: RetrieverConfig
    """Equal to the full model's where nothing has to be trained: the same model, shown no history."""


def variants_of(config: RetrieverConfig, items: Items) -> list[Variant]:
    """Every variant that this catalogue and these settings allow: the retriever less one of its parts, or with another fusion."""
    there = {*items.vectors, *(("category",) if items.category_names else ()), *(("knowledge",) if items.knowledge else ())}
    found = [
        Variant(
            key=name,
            name=f"without {name}",
            part=name,
            config=replace(config, modalities=tuple(other for other in config.modalities if other != name)),
        )
        for name in config.modalities
        if name in there
    ]
    found.append(Variant(key="history", name=WITHOUT_HISTORY, part="history", config=config))
    if config.use_item_id:
        found.append(Variant(key="item_id", name="without item id", part="item id", config=replace(config, use_item_id=False)))
    return found + [
        Variant(key=kind, name=f"{kind} fusion", part=f"{config.fusion} instead of {kind} fusion", config=replace(config, fusion=kind))
        for kind in FUSION_KINDS
        if kind != config.fusion
    ]


def select(variants: Sequence[Variant], only: Sequence[str]) -> list[Variant]:
    """Those that were asked for, in their own order; all where none was.

    Raises:
        ConfigError: One of them does not exist.
    """
    keys = [variant.key for variant in variants]
    unknown = [key for key in only if key not in keys]
    if unknown:
        raise ConfigError(f"there is no variant {unknown[0]!r} of this retriever on this catalogue; it is of {', '.join(keys)}")
    return [variant for variant in variants if not only or variant.key in only]
