"""From what is known of an item to one vector."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.data.items import Items
from recsys.data.shared_rows import hashed_rows
from recsys.data.tensors import ItemBatch
from recsys.layers.fusion import FUSIONS
from recsys.layers.fusion.late_ensemble import LateEnsembleFusion
from recsys.layers.whitening import Whitening
from recsys.models.content_match import ContentMatch
from recsys.models.id_table import FusedIdTable, IdTable
from recsys.models.knowledge_bags import KnowledgeBags
from recsys.models.sharded_id_table import ShardedIdTable

LEAST_WORTH = 0.02
"""Of a band beside the best: what the log finds worthless can still be learned from."""


class ItemTower(nn.Module):
    """Fuse item id, content vectors, categories and knowledge.

    Whatever is absent is replaced by a learned token of its own, and the fusion is told. What stands in for the vector of an item without
    an id is `ImaginedItem`'s matter, and what stands behind it `match`'s.

    Args:
        num_items: Items of the catalogue.
        num_categories: Categories of the catalogue.
        relations: Relation -> number of its entities; each is a token of its own where `knowledge` takes part.
        content_dims: modality -> length of its vectors as encoded, in any order.
        dim: Length of the fused vector.
        content_dim: Longer content vectors are whitened down to this.
        modalities: Content that takes part: keys of `content_dims`, `category`, and `knowledge`. Their order is that of everything inside.
        fusion: Key of `FUSIONS`.
        heads: Heads of the fusion.
        match_dim: Coordinates per modality of `ContentMatch`.
        use_item_id: False leaves the id out, for ablations.
        fused_learning_rate: Of a table that is updated in its backward pass; 0: a plain table, the optimizer's matter.
        id_rows: Rows of the id table, which items share as `share_rows` says; 0: one per item.
    """

    id_row: Tensor | None

    def __init__(
        self,
        *,
        num_items: int,
        num_categories: int,
        relations: dict[str, int],
        content_dims: dict[str, int],
        dim: int,
        content_dim: int,
        modalities: tuple[str, ...],
        fusion: str,
        heads: int,
        match_dim: int,
        use_item_id: bool = True,
        fused_learning_rate: float = 0.0,
        id_rows: int = 0,
    ) -> None:
        super().__init__()
        self.modalities = modalities
        self.use_item_id = use_item_id
        fused = fused_learning_rate > 0
        self.id_rows = id_rows or num_items
        self.ids: IdTable | FusedIdTable | ShardedIdTable = (
            FusedIdTable(self.id_rows, dim, learning_rate=fused_learning_rate) if fused else IdTable(self.id_rows, dim)
        )
        self.register_buffer("id_row", torch.zeros(num_items, dtype=torch.long) if id_rows else None)
        self.whitening = nn.ModuleDict(
            {name: Whitening(content_dims[name], min(content_dims[name], content_dim)) for name in modalities if name in content_dims}
        )
        self.prepared_dims = {name: min(content_dims[name], content_dim) for name in self.whitening}
        self.content = nn.ModuleDict({name: _small_linear(size, dim) for name, size in self.prepared_dims.items()})
        self.categories = nn.Embedding(num_categories + 1, dim, padding_idx=0)
        nn.init.normal_(self.categories.weight[1:], std=0.05)
        self.relations = relations if "knowledge" in modalities else {}
        self.knowledge = KnowledgeBags(self.relations, dim, spread=0.05) if self.relations else None
        tokens = ["id"]
        for name in modalities:
            tokens += [f"knowledge.{relation}" for relation in self.relations] if name == "knowledge" else [name]
        self.absent = nn.Parameter(torch.randn(len(tokens), dim) * 0.05)
        self.match = ContentMatch(
            content_dims=self.prepared_dims,
            num_categories=num_categories if "category" in modalities else None,
            relations=self.relations,
            match_dim=match_dim,
        )
        self.fusion = FUSIONS[fusion](dim, len(tokens), heads=heads)
        self.parts = (
            {f"fused.{name}": size for name, size in zip(tokens, self.fusion.sizes, strict=True)}
            if isinstance(self.fusion, LateEnsembleFusion)
            else {"fused": dim}
        )
        """Part of a score -> how many coordinates of the fused vector it is made of, in order; `ImaginedItem` stands in for the first."""

    def fit_whitening(self, items: Items) -> None:
        """Learn the whitening of each modality from the items that have it."""
        for name in self.whitening:
            self._whitening(name).fit(items.vectors[name][items.presence[name]])

    def share_rows(self, items: Items) -> None:
        """Learn which row of the id table each item reads, where a row is not one item's own."""
        if self.id_row is not None:
            self.id_row.copy_(torch.from_numpy(hashed_rows(items.vocabulary.item_ids, rows=self.id_rows)))

    def rows_of(self, item_index: Int[Tensor, " items"]) -> Int[Tensor, " rows"]:
        """Rows of the id table that some items read, each once."""
        return item_index if self.id_row is None else torch.unique(self.id_row[item_index])

    def weigh_content(self, worth: dict[str, Float[Tensor, " bands"]]) -> None:
        """Set what each band of each modality counts: in the match as told, elsewhere relative to the best, so that inputs stay about 1.

        Args:
            worth: modality -> worth of each of `Whitening.bands`, at least 0; see `content_worth`.
        """
        best = max((float(values.max()) for values in worth.values()), default=0.0)
        if best > 0:
            for name, values in worth.items():
                self._whitening(name).weigh((values / best).clamp(min=LEAST_WORTH))
            self.match.weigh(best)

    def bands(self) -> dict[str, list[slice]]:
        """modality -> runs of its prepared coordinates that are weighed together."""
        return {name: self._whitening(name).bands for name in self.whitening}

    def prepare(self, items: ItemBatch) -> ItemBatch:
        """Whiten content once, ahead of many steps: the result is what `forward` reads."""
        return replace(items, vectors={name: self.whitening[name](items.vectors[name]) for name in self.whitening})

    def content_units(self, items: ItemBatch) -> dict[str, Float[Tensor, "items _"]]:
        """modality -> content as it is encoded, whitened; as long as the root of what the modality is worth, all its bands alike."""
        layers = {name: self._whitening(name) for name in self.whitening}
        return {name: layer.unit(items.vectors[name]) * layer.worth.mean().sqrt() for name, layer in layers.items()}

    def forward(self, items: ItemBatch) -> Float[Tensor, "items dim"]:
        """The fused vector of each prepared item; values of absent modalities change nothing."""
        return self._fuse(self._of_ids(items.item_index) if self.use_item_id else self._no_id(items), items)

    def beside_id(self, items: ItemBatch) -> Float[Tensor, "items other_dims"]:
        """The fused vector behind the first of `parts`: what it is made of without the id, whose table is not asked."""
        first, *others = self.parts.values()
        if not others:
            return torch.zeros(len(items), 0, device=items.has_id.device)
        return self._fuse(self._no_id(items), items)[:, first:]

    def content_tokens(self, items: ItemBatch) -> dict[str, Float[Tensor, "items dim"]]:
        """modality -> what its vectors give to the fusion; where an item lacks it, nothing that means anything."""
        return {name: layer(items.vectors[name]) for name, layer in self.content.items()}

    def _of_ids(self, item_index: Int[Tensor, " items"]) -> Float[Tensor, "items dim"]:
        if self.id_row is None:
            own: Tensor = self.ids(item_index)
            return own
        rows, place = torch.unique(self.id_row[item_index], return_inverse=True)
        shared: Tensor = self.ids(rows)[place]  # (rows, dim) -> (items, dim)
        return shared

    def _no_id(self, items: ItemBatch) -> Float[Tensor, "items dim"]:
        return self.absent[0].expand(len(items), -1)

    def _fuse(self, first: Float[Tensor, "items dim"], items: ItemBatch) -> Float[Tensor, "items dim"]:
        tokens = [first]
        presence = [torch.ones_like(items.has_id)]  # the first token takes part, whatever it is
        for number, (token, present) in enumerate(self._content(items), start=1):
            tokens.append(torch.where(present[:, None], token, self.absent[number]))
            presence.append(present)
        fused: Tensor = self.fusion(torch.stack(tokens, dim=1), torch.stack(presence, dim=1))  # (items, modalities, dim) -> (items, dim)
        return fused

    def _whitening(self, name: str) -> Whitening:
        whitening = self.whitening[name]
        assert isinstance(whitening, Whitening)
        return whitening

    def _content(self, items: ItemBatch) -> Iterator[tuple[Float[Tensor, "items dim"], Bool[Tensor, " items"]]]:
        """Tokens of content and where they mean something, in the order of the modalities."""
        for name in self.modalities:
            if name == "category":
                yield self._pool_categories(items), items.presence[name]
            elif name != "knowledge":
                yield self.content[name](items.vectors[name]), items.presence[name]
            elif self.knowledge is not None:
                means, counts = self.knowledge(items.told_entities())
                yield from zip(means.unbind(dim=1), (counts > 0).unbind(dim=1), strict=True)

    def _pool_categories(self, items: ItemBatch) -> Float[Tensor, "items dim"]:
        counts = (items.categories > 0).sum(dim=1, keepdim=True).clamp(min=1)
        pooled: Tensor = self.categories(items.categories).sum(dim=1) / counts  # (items, slots, dim) -> (items, dim)
        return pooled


def _small_linear(input_dim: int, output_dim: int) -> nn.Linear:
    """A layer whose outputs start small beside an id's."""
    layer = nn.Linear(input_dim, output_dim)
    nn.init.normal_(layer.weight, std=0.02)
    return layer
