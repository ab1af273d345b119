"""What is kept per row of a long table, on disk: each rank writes the rows it holds, and any number of ranks reads them back."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor
from torch.distributed._shard.metadata import ShardMetadata
from torch.distributed._shard.sharded_tensor import init_from_local_shards
from torch.distributed._shard.sharded_tensor.shard import Shard
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from recsys.training.ranks import Ranks


def save_rows(folder: Path, held: Mapping[str, Tensor], rows: slice, *, total: int, ranks: Ranks) -> None:
    """Write rows into a folder that all ranks see; every rank must call it.

    Args:
        folder: New, or left by a kill.
        held: Name -> the rows of this rank, one behind the other.
        rows: Which they are.
        total: Rows of all ranks.
        ranks: Who takes part.
    """
    with _quietly():
        save(_sharded(held, rows, total, ranks), checkpoint_id=folder, process_group=ranks.waiting)


def load_rows(folder: Path, held: Mapping[str, Tensor], rows: slice, *, total: int, ranks: Ranks) -> None:
    """Read into `held` what `save_rows` wrote, be it on other ranks or on another number of them; a process alone takes all rows."""
    with _quietly():
        if ranks.together:
            load(_sharded(held, rows, total, ranks), checkpoint_id=folder, process_group=ranks.waiting)
        else:
            load(dict(held), checkpoint_id=folder, no_dist=True)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what torch says of its own parts: that a lone process reads alone, as asked, and that ShardedTensor has a successor."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        warnings.filterwarnings("ignore", "Please use DTensor instead", FutureWarning)
        yield


def _sharded(held: Mapping[str, Tensor], rows: slice, total: int, ranks: Ranks) -> dict[str, object]:
    return {name: _one_sharded(values, rows, total, ranks) for name, values in held.items()}


def _one_sharded(values: Tensor, rows: slice, total: int, ranks: Ranks) -> object:
    """The same memory, told apart from that of the other ranks."""
    inner = list(values.shape[1:])
    where = ShardMetadata(
        shard_offsets=[rows.start] + [0] * len(inner), shard_sizes=list(values.shape), placement=f"rank:{ranks.number}/{values.device}"
    )
    mine = [Shard(values, where)] if len(values) else []
    return init_from_local_shards(mine, total, *inner, process_group=ranks.waiting)
