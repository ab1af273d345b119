"""What a training starts from: the model that fits a catalogue, the items whose ids mean something, the past as it is dealt out."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.sequences import SHARE_IN_ORDER, Sequences
from recsys.data.shared_rows import Collisions, count_collisions, hashed_rows
from recsys.data.user_attributes import shared_values
from recsys.models.architecture import TowerShape
from recsys.training.config import RetrieverConfig

FUSED_LEARNING_RATE_FACTOR = 20
"""Row-wise Adagrad divides by the root of all past gradients; it wants a rate well above AdamW's."""


def known_values(past: Interactions, config: RetrieverConfig) -> dict[str, tuple[str, ...]]:
    """Attribute of users -> its values that a model learns."""
    return shared_values(past.attributes, config.user_attributes, min_users=config.min_attribute_users)


def tower_shape(items: Items, config: RetrieverConfig, attributes: dict[str, tuple[str, ...]] | None = None) -> TowerShape:
    """The model that fits a catalogue and `known_values` of its users."""
    large = len(items) > config.full_softmax_items
    content = {name: items.vectors[name].shape[1] for name in config.modalities if name in items.vectors}
    relations = {name: len(items.knowledge[name].entities) for name in sorted(items.knowledge)} if "knowledge" in config.modalities else {}
    told = {"category", *(["knowledge"] if relations else [])}
    return TowerShape(
        num_items=len(items),
        num_categories=len(items.category_names),
        content_dims=content,
        relations=relations,
        modalities=tuple(name for name in config.modalities if name in told or name in content),
        embedding_dim=config.embedding_dim,
        content_dim=config.content_dim,
        match_dim=config.match_dim,
        fusion=config.fusion,
        use_item_id=config.use_item_id,
        fused_learning_rate=config.learning_rate * FUSED_LEARNING_RATE_FACTOR if large else 0.0,
        history_length=config.history_length,
        blocks=config.blocks,
        block_kind=config.block_kind,
        heads=config.heads,
        dropout=config.dropout,
        ages=config.use_time_gap,
        in_order=SHARE_IN_ORDER[config.order],
        ensemble=config.ensemble,
        id_rows=config.id_rows,
        attributes=attributes or {},
    )


def known_items(past: Interactions, config: RetrieverConfig) -> npt.NDArray[np.bool_]:
    """(items,): whether the past of an item is long enough for its id to mean something."""
    counts = np.bincount(past.distinct().item_index, minlength=past.num_items)
    return counts >= config.min_item_events


def id_collisions(items: Items, past: Interactions, config: RetrieverConfig) -> Collisions | None:
    """How crowded the id table is, of items whose ids mean something; None where a row is one item's own."""
    if not config.id_rows or not config.use_item_id:
        return None
    rows = hashed_rows(items.vocabulary.item_ids, rows=config.id_rows)
    return count_collisions(rows[known_items(past, config)], rows=config.id_rows)


def training_sequences(past: Interactions, config: RetrieverConfig) -> Sequences:
    """The past as a training deals it out."""
    return Sequences(
        past,
        length=config.history_length,
        order=config.order,
        context_weight=config.context_weight,
        half_life_days=config.half_life_days,
        next_events=config.next_events,
        next_decay=config.next_decay,
        tokens_per_batch=config.tokens_per_batch,
        events_per_epoch=config.events_per_epoch,
        seed=config.seed,
        attributes=known_values(past, config),
    )
