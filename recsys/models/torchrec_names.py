"""What the models use of TorchRec, imported without its warnings."""

import logging
import warnings

logging.getLogger("torch.fx._symbolic_trace").addFilter(lambda record: "is_fx_tracing" not in record.getMessage())
with warnings.catch_warnings():  # fbgemm's CPU build warns of what only a GPU has, and as errors these would end its import half-way
    warnings.simplefilter("ignore")
    from torchrec import (
        EmbeddingBagCollection,
        EmbeddingBagConfig,
        EmbeddingCollection,
        EmbeddingConfig,
        KeyedJaggedTensor,
        PoolingType,
    )
    from torchrec.distributed import DistributedModelParallel
    from torchrec.distributed.comm_ops import set_gradient_division
    from torchrec.distributed.embedding import EmbeddingCollectionSharder
    from torchrec.distributed.planner import EmbeddingShardingPlanner, ParameterConstraints
    from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
    from torchrec.distributed.planner.types import KernelConfig, TopologyFactory, TrainerConfig
    from torchrec.distributed.types import ShardingPlan
    from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
    from torchrec.optim import RowWiseAdagrad
    from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward

__all__ = [
    "DistributedModelParallel",
    "EmbeddingBagCollection",
    "EmbeddingBagConfig",
    "EmbeddingCollection",
    "EmbeddingCollectionSharder",
    "EmbeddingConfig",
    "EmbeddingShardingPlanner",
    "FixedPercentageStorageReservation",
    "FusedEmbeddingBagCollection",
    "KernelConfig",
    "KeyedJaggedTensor",
    "ParameterConstraints",
    "PoolingType",
    "RowWiseAdagrad",
    "ShardingPlan",
    "TopologyFactory",
    "TrainerConfig",
    "apply_optimizer_in_backward",
    "set_gradient_division",
]
