"""The id table dealt out to several processes: TorchRec plans who holds which rows, and fetches them."""

import os
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor.api import ShardedTensor

from recsys.models.id_table import FEATURE, MEMORY, FusedIdTable
from recsys.models.torchrec_names import (
    DistributedModelParallel,
    EmbeddingCollection,
    EmbeddingCollectionSharder,
    EmbeddingConfig,
    EmbeddingShardingPlanner,
    FixedPercentageStorageReservation,
    KernelConfig,
    KeyedJaggedTensor,
    ParameterConstraints,
    RowWiseAdagrad,
    ShardingPlan,
    TopologyFactory,
    TrainerConfig,
    apply_optimizer_in_backward,
    set_gradient_division,
)

SHARDINGS = {"planned": ["row_wise", "table_wise"], "row_wise": ["row_wise"], "table_wise": ["table_wise"]}
"""Setting -> what the planner may choose from: rows dealt out in runs, or the whole table on one rank."""
MEMORY_LEFT_FREE = 0.15
"""Share of a rank's memory that the planner leaves to all else."""


class ShardedIdTable(nn.Module):
    """A `FusedIdTable` of which each rank holds some rows; every rank must ask for rows whenever one does.

    The gradient of a row is the sum over the ranks. Its rows are no parameters of this module: no optimizer outside may touch them, and
    what is left of a model is one like any other. A deep copy has rows of its own; it is read by `weight`, not asked for rows.

    Args:
        whole: The table to deal out, the same on all ranks.
        learning_rate: Of the row-wise Adagrad.
        size: Number of ranks.
        rank: Which of them this is.
        device: Where its rows lie.
        sharding: Key of `SHARDINGS`.
    """

    def __init__(self, whole: FusedIdTable, *, learning_rate: float, size: int, rank: int, device: torch.device, sharding: str) -> None:
        super().__init__()
        num_rows, dim = whole.weight.shape
        table = EmbeddingConfig(name="item_ids", num_embeddings=num_rows, embedding_dim=dim, feature_names=[FEATURE])
        tables = nn.ModuleDict({"collection": EmbeddingCollection(tables=[table], device=torch.device("meta"))})
        apply_optimizer_in_backward(RowWiseAdagrad, tables.parameters(), {"lr": learning_rate})
        set_gradient_division(False)
        plan = _plan(tables, size=size, device=device, allowed=SHARDINGS[sharding])
        parallel = DistributedModelParallel(
            module=tables, device=device, plan=plan, sharders=[EmbeddingCollectionSharder()], init_data_parallel=False
        )
        self.spans = _spans(plan)
        self.rows = next((rows for holder, rows in self.spans if holder == rank), slice(0, 0))
        collection = parallel.module["collection"]
        self._weight = _held(collection.state_dict()["embeddings.item_ids.weight"], torch.empty(0, dim, device=device))
        memory = [value for state in parallel.fused_optimizer.state_dict()["state"].values() for value in state.values()]
        self._memory = _held(memory[0], self._weight[:, 0]) if memory else self._weight[:, 0]
        self._fetch = (collection,)  # in a tuple, so that it is no part of this module
        self._weight.copy_(whole.weight.detach()[self.rows])

    def __deepcopy__(self, memo: dict[int, object]) -> "ShardedIdTable":
        copy = ShardedIdTable.__new__(ShardedIdTable)
        nn.Module.__init__(copy)
        copy.spans, copy.rows, copy._weight = self.spans, self.rows, self._weight.clone()
        memo[id(self)] = copy
        return copy

    @property
    def weight(self) -> Float[Tensor, "held dim"]:
        """The rows that this rank holds."""
        return self._weight

    def optimizer_state(self) -> dict[str, Tensor]:
        """As `FusedIdTable.optimizer_state`, for the rows that this rank holds."""
        return {MEMORY: self._memory}

    def held(self, item_index: Int[Tensor, " items"]) -> Int[Tensor, " held"]:
        """Those of the items whose rows this rank holds, as rows of `weight`."""
        return item_index[(item_index >= self.rows.start) & (item_index < self.rows.stop)] - self.rows.start

    def forward(self, item_index: Int[Tensor, " items"]) -> Float[Tensor, "items dim"]:
        """Rows of items, wherever they lie; each rank asks for its own items, or for none."""
        length = torch.tensor([len(item_index)], dtype=torch.int32, device=item_index.device)  # one bag of all: there may be none
        rows: Tensor = self._fetch[0](KeyedJaggedTensor(keys=[FEATURE], values=item_index, lengths=length))[FEATURE].values()
        return rows


def _plan(tables: nn.Module, *, size: int, device: torch.device, allowed: list[str]) -> ShardingPlan:
    """Who holds which rows, by what they cost in memory and time; worked out by the first rank for all."""
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // beside
    on_gpu = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    topology = TopologyFactory.create_topology(
        trainer_config=TrainerConfig(world_size=size, local_world_size=beside, hbm_cap_bytes=on_gpu, ddr_cap_bytes=host),
        kernel_config=KernelConfig(compute_device=device.type),
    )
    planner = EmbeddingShardingPlanner(
        topology=topology,
        constraints={"item_ids": ParameterConstraints(sharding_types=allowed, compute_kernels=["fused"], pooling_factors=[1.0])},
        storage_reservation=FixedPercentageStorageReservation(percentage=MEMORY_LEFT_FREE),
    )
    return planner.collective_plan(tables, [EmbeddingCollectionSharder()], torch.distributed.group.WORLD)


def _spans(plan: ShardingPlan) -> Sequence[tuple[int, slice]]:
    """Ranks and the rows that each holds, in order."""
    shards = plan.plan["collection"]["item_ids"].sharding_spec.shards
    starts = [(shard.placement.rank(), shard.shard_offsets[0], shard.shard_sizes[0]) for shard in shards]
    return [(rank, slice(start, start + length)) for rank, start, length in starts if length]


def _held(sharded: ShardedTensor, nothing: Tensor) -> Tensor:
    """The kernel's own tensor."""
    return next((shard.tensor.detach() for shard in sharded.local_shards()), nothing)
