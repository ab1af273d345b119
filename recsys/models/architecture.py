"""The shape of two-towers: enough to build them again and load their weights."""

from dataclasses import dataclass, field
from typing import Any

from recsys.data.item_to_item import LIKENESS, ItemToItem
from recsys.models.ensemble import Ensemble
from recsys.models.item_tower import ItemTower
from recsys.models.likeness import Likeness
from recsys.models.two_tower import TwoTower
from recsys.models.user_tower import UserTower


@dataclass(frozen=True, kw_only=True)
class TowerShape:
    """Sizes and parts."""

    num_items: int
    num_categories: int
    content_dims: dict[str, int]
    """modality -> length of its vectors as encoded, for those that take part."""
    modalities: tuple[str, ...]
    """Content of the item tower, in order; `category` and `knowledge` may be among them."""
    embedding_dim: int
    content_dim: int
    match_dim: int
    fusion: str
    use_item_id: bool
    fused_learning_rate: float
    """Above 0 the id table is updated in its backward pass."""
    history_length: int
    blocks: int
    heads: int
    dropout: float
    ages: bool
    relations: dict[str, int] = field(default_factory=dict)
    """Relation -> number of its entities, in alphabetical order."""
    in_order: float = 0.0
    """How far users are asked what comes next (1) rather than what else they would want (0); between: a mean of both answers."""
    popularity_weights: tuple[float, float] = (0.0, 0.0)
    """See `Ensemble`."""
    ensemble: int = 1
    """How many two-towers of this shape there are."""
    block_kind: str = "transformer"
    """See `UserTower`."""
    id_rows: int = 0
    """See `ItemTower`."""
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute of users, in alphabetical order -> its values, in the order of their rows."""
    parts: tuple[ItemToItem, ...] = ()
    """See `Ensemble`."""

    @staticmethod
    def from_json(values: dict[str, Any]) -> "TowerShape":
        """What `dataclasses.asdict` gave, back from JSON."""
        tuples = {name: tuple(values[name]) for name in ("modalities", "popularity_weights") if name in values}
        attributes = {name: tuple(known) for name, known in values.get("attributes", {}).items()}
        parts = tuple(ItemToItem.read(part) for part in values.get("parts", ()))
        return TowerShape(**(values | tuples | {"attributes": attributes, "parts": parts}))


def build_ensemble(shape: TowerShape) -> Ensemble:
    """As many untrained two-towers as the shape says."""
    members = [build_towers(shape) for _ in range(shape.ensemble)]
    likeness = Likeness(members[0].item_tower.prepared_dims) if any(part.name == LIKENESS for part in shape.parts) else None
    return Ensemble(members, in_order=shape.in_order, popularity_weights=shape.popularity_weights, parts=shape.parts, likeness=likeness)


def build_towers(shape: TowerShape) -> TwoTower:
    """One untrained two-tower of this shape; its whitening is not fitted."""
    item_tower = ItemTower(
        num_items=shape.num_items,
        num_categories=shape.num_categories,
        relations=shape.relations,
        content_dims=shape.content_dims,
        dim=shape.embedding_dim,
        content_dim=shape.content_dim,
        modalities=shape.modalities,
        fusion=shape.fusion,
        heads=shape.heads,
        match_dim=shape.match_dim,
        use_item_id=shape.use_item_id,
        fused_learning_rate=shape.fused_learning_rate,
        id_rows=shape.id_rows,
    )
    user_tower = UserTower(
        dim=shape.embedding_dim,
        match_dim=item_tower.match.dim,
        history_length=shape.history_length,
        blocks=shape.blocks,
        block_kind=shape.block_kind,
        heads=shape.heads,
        dropout=shape.dropout,
        ages=shape.ages,
        attributes={name: len(values) for name, values in shape.attributes.items()},
    )
    return TwoTower(item_tower, user_tower, dim=shape.embedding_dim, num_items=shape.num_items)
