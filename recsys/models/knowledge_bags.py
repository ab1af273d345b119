"""What is said in words of items or users: for each relation or attribute, the mean over the entities that one has by it."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recsys.models.torchrec_names import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor, PoolingType


class KnowledgeBags(nn.Module):
    """One TorchRec bag per relation, pooled by the mean; an entity is a row of the relation's own table.

    In training the collection reads a KeyedJaggedTensor whose keys are the relations. For inference the same rows are gathered from the
    padded slots, since a graph can hold that; both give the same numbers.

    Args:
        relations: Relation -> number of its entities.
        dim: Length of a row.
        spread: Standard deviation of fresh rows.
    """

    def __init__(self, relations: dict[str, int], dim: int, *, spread: float) -> None:
        super().__init__()
        self.relations = relations
        tables = [
            EmbeddingBagConfig(
                name=f"relation_{number}", num_embeddings=size, embedding_dim=dim, feature_names=[relation], pooling=PoolingType.MEAN
            )
            for number, (relation, size) in enumerate(relations.items())
        ]
        self.collection = EmbeddingBagCollection(tables=tables, device=torch.device("cpu"))
        for weight in self._tables():
            nn.init.normal_(weight, std=spread)

    def forward(
        self, entities: Mapping[str, Int[Tensor, "rows slots"]]
    ) -> tuple[Float[Tensor, "rows relations dim"], Int[Tensor, "rows relations"]]:
        """Mean rows, zero where there is none, and how many entities they are of; entities that no table knows do not count.

        Args:
            entities: Relation -> entity index + 1 of each item or user, 0 for no further one.
        """
        slots = [torch.where(entities[relation] <= size, entities[relation], 0) for relation, size in self.relations.items()]
        counts = torch.stack([(filled > 0).sum(dim=1) for filled in slots], dim=1)  # (rows, relations)
        return self._pooled(slots, counts) if self.training else self._gathered(slots, counts), counts

    def _pooled(self, slots: list[Tensor], counts: Tensor) -> Tensor:
        values = torch.cat([filled[filled > 0] - 1 for filled in slots])
        found = self.collection(KeyedJaggedTensor(keys=list(self.relations), values=values, lengths=counts.T.flatten().int()))
        return torch.stack([found[relation] for relation in self.relations], dim=1)

    def _gathered(self, slots: list[Tensor], counts: Tensor) -> Tensor:
        sums = [
            (weight[(filled - 1).clamp(min=0)] * (filled > 0)[:, :, None]).sum(dim=1)  # (rows, slots, dim) -> (rows, dim)
            for weight, filled in zip(self._tables(), slots, strict=True)
        ]
        return torch.stack(sums, dim=1) / counts.clamp(min=1)[:, :, None]

    def _tables(self) -> list[Tensor]:
        return [self.collection.embedding_bags[f"relation_{number}"].weight for number in range(len(self.relations))]
