"""The embedding of item ids: TorchRec collections, fed with KeyedJaggedTensors."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from recsys.models.torchrec_names import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
    FusedEmbeddingBagCollection,
    KeyedJaggedTensor,
    RowWiseAdagrad,
)

FEATURE = "item_index"
MEMORY = "item_ids.weight.momentum_1"
"""What the kernel calls the sums of row-wise Adagrad, one per row."""
INITIAL_SPREAD = 0.05
"""Standard deviation of fresh rows: the library's default shrinks with the table and leaves large ones near zero."""


class IdTable(nn.Module):
    """Rows of items, the optimizer outside: fit for tables that a step reads whole.

    Args:
        num_rows: Rows.
        dim: Length of a row.
    """

    def __init__(self, num_rows: int, dim: int) -> None:
        super().__init__()
        table = EmbeddingConfig(name="item_ids", num_embeddings=num_rows, embedding_dim=dim, feature_names=[FEATURE])
        self.collection = EmbeddingCollection(tables=[table], device=torch.device("cpu"))
        nn.init.normal_(self.weight, std=INITIAL_SPREAD)

    @property
    def weight(self) -> Float[Tensor, "rows dim"]:
        """All rows."""
        rows: Tensor = self.collection.embeddings["item_ids"].weight
        return rows

    def optimizer_state(self) -> dict[str, Tensor]:
        """Nothing: the optimizer is outside."""
        return {}

    def forward(self, item_index: Int[Tensor, " items"]) -> Float[Tensor, "items dim"]:
        """Rows of items."""
        rows: Tensor = self.collection(_one_each(item_index))[FEATURE].values()
        return rows


class FusedIdTable(nn.Module):
    """Rows of items, updated by row-wise Adagrad inside the backward pass: a step costs what it touches, however long the table.

    Each index should come once per call: rows are looked up as bags of one. A deep copy has rows of its own and no optimizer: it is read,
    not trained, and the kernel would hold its rows twice.

    Args:
        num_rows: Rows.
        dim: Length of a row.
        learning_rate: Of the row-wise Adagrad.
    """

    def __init__(self, num_rows: int, dim: int, *, learning_rate: float) -> None:
        super().__init__()
        self._config = EmbeddingBagConfig(name="item_ids", num_embeddings=num_rows, embedding_dim=dim, feature_names=[FEATURE])
        self.collection: FusedEmbeddingBagCollection | EmbeddingBagCollection = FusedEmbeddingBagCollection(
            tables=[self._config], optimizer_type=RowWiseAdagrad, optimizer_kwargs={"lr": learning_rate}, device=torch.device("cpu")
        )
        nn.init.normal_(self.weight.data, std=INITIAL_SPREAD)

    def __deepcopy__(self, memo: dict[int, object]) -> "FusedIdTable":
        copy = FusedIdTable.__new__(FusedIdTable)
        nn.Module.__init__(copy)
        copy._config = self._config
        copy.collection = EmbeddingBagCollection(tables=[self._config], device=torch.device("meta"))
        copy.collection.embedding_bags["item_ids"].weight = nn.Parameter(self.weight.detach().clone(), requires_grad=False)
        memo[id(self)] = copy
        return copy

    def optimizer_state(self) -> dict[str, Tensor]:
        """What row-wise Adagrad remembers, as the kernel's own tensors: copy into them to go on where another training stopped."""
        (memory,) = self.collection.fused_optimizer().state_dict()["state"].values()
        return dict(memory)

    @property
    def weight(self) -> Float[Tensor, "rows dim"]:
        """All rows."""
        rows: Tensor = self.collection.embedding_bags["item_ids"].weight
        return rows

    @property
    def rows(self) -> slice:
        """Which rows this process holds: all."""
        return slice(0, len(self.weight))

    def held(self, item_index: Int[Tensor, " items"]) -> Int[Tensor, " items"]:
        """Those of the items whose rows this process holds, as rows of `weight`: all, as they are."""
        return item_index

    def forward(self, item_index: Int[Tensor, " items"]) -> Float[Tensor, "items dim"]:
        """Rows of items; the kernel takes row 0 for an index that is not in the table, so the caller checks."""
        if not torch.is_grad_enabled():  # on CPU the kernel exists for training only
            return F.embedding(item_index, self.weight)
        rows: Tensor = self.collection(_one_each(item_index))[FEATURE]
        return rows


def _one_each(item_index: Tensor) -> KeyedJaggedTensor:
    return KeyedJaggedTensor(keys=[FEATURE], values=item_index, lengths=torch.ones_like(item_index, dtype=torch.int32))
