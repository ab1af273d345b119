"""The retriever less one of its parts: what an ablation trains beside the full one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from pipelines.config import ConfigError
from recsys.data.items import Items
from recsys.encoders.config import ALIGNMENT_KINDS
from recsys.training.config import BLOCK_KINDS, FUSION_KINDS, ORDERS, RetrieverConfig

Group = Literal["parts", "fusions", "item_to_item", "blocks", "histories", "alignments"]
GROUPS: tuple[Group, ...] = get_args(Group)
USUAL: tuple[Group, ...] = ("parts", "fusions")
"""What is compared where nothing is asked for."""
AHEAD = {1: "the next event", 3: "one of the next 3 events", 0: "any later event"}
"""What a history in order of time has to name, by `next_events`."""
ALIGNMENT_WEIGHT = 0.1
"""Of an alignment loss that is tried beside the retrieval loss."""

GOES_WITH = {"text": "description"}
"""Modality -> what is left out with it: who asks what words are worth means all of them."""
WITHOUT_HISTORY = "without history"
"""The variant that is no other model: the full one, to which everybody is a stranger."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The retriever with one thing changed."""

    key: str
    """What `--only` calls it."""
    group: Group
    """What `--only` calls it and its like."""
    name: str
    """As it stands in the table."""
    part: str
    """What the full model has and this one lacks."""
    config: RetrieverConfig
    """Equal to the full model's where nothing has to be trained: the same model, shown no history."""


def variants_of(config: RetrieverConfig, items: Items) -> list[Variant]:
    """Every variant that this catalogue and these settings allow: the retriever less one of its parts, or with one of another kind."""
    there = {*items.vectors, *(("category",) if items.category_names else ()), *(("knowledge",) if items.knowledge else ())}
    content = [name for name in config.modalities if name in there]
    found = [_without(name, config, there) for name in content]
    if config.use_item_id and content and all(there.intersection(variant.config.modalities) for variant in found):
        bare = replace(config, modalities=())
        found.append(Variant(key="content", group="parts", name="without content", part="content of every kind", config=bare))
    found.append(Variant(key="history", group="parts", name=WITHOUT_HISTORY, part="history", config=config))
    if config.user_attributes:
        plain = replace(config, user_attributes=())
        found.append(Variant(key="user_attributes", group="parts", name="without user attributes", part="user attributes", config=plain))
    if config.use_item_id:
        without = replace(config, use_item_id=False, id_rows=0)
        found.append(Variant(key="item_id", group="parts", name="without item id", part="item id", config=without))
    if config.ensemble > 1:
        single = replace(config, ensemble=1)
        found.append(Variant(key="ensemble", group="parts", name="a single model", part="the ensemble", config=single))
    found += _swapped(config, "fusion", {kind: kind for kind in FUSION_KINDS}, group="fusions", key="{}", name="{} fusion")
    found += [
        Variant(
            key=name,
            group="item_to_item",
            name=f"without {name}",
            part=f"the part {name}",
            config=replace(config, parts=tuple(other for other in config.parts if other != name)),
        )
        for name in config.parts
    ]
    found += _swapped(config, "block_kind", {kind: kind for kind in BLOCK_KINDS}, group="blocks", key="{}_blocks", name="{} blocks")
    found += _swapped(config, "order", {order: order for order in ORDERS}, group="histories", key="order_{}", name="order {}")
    if config.order != "free":
        ahead = {config.next_events: f"one of the next {config.next_events} events"} | AHEAD
        found += _swapped(config, "next_events", ahead, group="histories", key="next_{}", name="naming {}")
    if len([name for name in config.modalities if name in items.vectors]) < 2:
        return found
    return found + [
        Variant(
            key=kind,
            group="alignments",
            name=f"with {kind} alignment",
            part=f"doing without {kind} alignment",
            config=replace(config, alignment={**config.alignment, kind: ALIGNMENT_WEIGHT}),
        )
        for kind in ALIGNMENT_KINDS
        if kind not in config.alignment
    ]


def _swapped(config: RetrieverConfig, setting: str, words: Mapping[Any, str], *, group: Group, key: str, name: str) -> list[Variant]:
    """A variant for each other value of a setting.

    Args:
        config: The full model's.
        setting: What is changed.
        words: Value -> what it is called, the config's own among them.
        group: See `Variant`.
        key: See `Variant`, with a place for the value.
        name: See `Variant`, with a place for what the value is called.
    """
    own = getattr(config, setting)
    return [
        Variant(
            key=key.format(value),
            group=group,
            name=name.format(word),
            part=name.format(f"{words[own]} instead of {word}"),
            config=replace(config, **{setting: value}),
        )
        for value, word in words.items()
        if value != own
    ]


def _without(modality: str, config: RetrieverConfig, there: Collection[str]) -> Variant:
    gone = [name for name in config.modalities if name == modality or name == GOES_WITH.get(modality)]
    return Variant(
        key=modality,
        group="parts",
        name=f"without {modality}",
        part=" and ".join(name for name in gone if name in there),
        config=replace(config, modalities=tuple(name for name in config.modalities if name not in gone)),
    )


def select(variants: Sequence[Variant], only: Sequence[str]) -> list[Variant]:
    """Those that were asked for, by key or group, in their own order; the `USUAL` groups where none was.

    Raises:
        ConfigError: One of them does not exist.
    """
    keys = [variant.key for variant in variants]
    unknown = [key for key in only if key not in (*keys, *GROUPS)]
    if unknown:
        raise ConfigError(
            f"there is no variant {unknown[0]!r} of this retriever on this catalogue; it is of {', '.join(keys)}, "
            f"or a group of them: {', '.join(GROUPS)}"
        )
    return [variant for variant in variants if variant.key in only or variant.group in (only or USUAL)]
