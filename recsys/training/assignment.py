"""What the first rank tells the others to train: through a file, for a log is too long for a message."""

import pickle
import socket
from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.passed_over import PassedOver
from recsys.training.config import RetrieverConfig
from recsys.training.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Arguments of a training."""

    items: Items
    past: Interactions
    passed_over: PassedOver | None
    config: RetrieverConfig
    epochs: int
    validated: bool
    """Whether the first rank validates after each epoch."""
    watched: bool
    """Whether something may give the training up after an epoch."""
    scratch: Path


def assign(assignment: Assignment, ranks: Ranks) -> None:
    """Called by the first rank; comes back once all others have read it."""
    assignment.scratch.mkdir(parents=True, exist_ok=True)
    file = assignment.scratch.resolve() / "assignment.pickle"
    with file.open("wb") as stream:
        pickle.dump(assignment, stream, protocol=pickle.HIGHEST_PROTOCOL)
    dist.broadcast_object_list([file], 0, group=ranks.waiting)
    dist.barrier(ranks.waiting)
    file.unlink()


def dismiss(ranks: Ranks) -> None:
    """Called by the first rank: there is nothing more to train."""
    dist.broadcast_object_list([None], 0, group=ranks.waiting)


def next_assignment(ranks: Ranks) -> Assignment | None:
    """Called by the others: waits for what the first rank says; None: there is nothing more to train.

    Raises:
        FileNotFoundError: This rank does not see the workspace of the first one.
    """
    told: list[Path | None] = [None]
    try:
        dist.broadcast_object_list(told, 0, group=ranks.waiting)
    except RuntimeError:  # the first rank has ended, and has said why
        return None
    if told[0] is None:
        return None
    if not told[0].is_file():
        raise FileNotFoundError(
            f"rank {ranks.number} on {socket.gethostname()} does not see {told[0]}, which rank 0 has written. "
            "Ranks on several machines need the workspace on a file system that all of them see under one path."
        )
    with told[0].open("rb") as stream:
        assignment: Assignment = pickle.load(stream)
    dist.barrier(ranks.waiting)
    return assignment
