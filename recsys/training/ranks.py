"""The processes that train together, as torchrun starts them; alone, a process has nothing to share and every method leaves things be."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from recsys.training.meeting import meet

Answer = TypeVar("Answer")
CPU = torch.device("cpu")
LONGEST_WAIT = timedelta(days=7)
"""How long ranks wait while the first one does what it does alone; torchrun ends them if it dies."""
SEEDS_APART = 10_000_019
"""Between the seeds of two ranks: what they drop out differs."""


class GivenUpError(Exception):
    """The first rank has given a training up, and has said why."""


@dataclass(frozen=True)
class Ranks:
    """One of the processes that train together."""

    number: int = 0
    """Which, from 0."""
    size: int = 1
    """How many there are."""
    device: torch.device = CPU
    """Where this one computes."""
    waiting: dist.ProcessGroup | None = None
    """In which they wait for the first one; None: this process trains alone."""

    @property
    def together(self) -> bool:
        """Whether torchrun started this process, be it a single one."""
        return self.waiting is not None

    @property
    def first(self) -> bool:
        """Whether this is the one that validates, writes and talks."""
        return self.number == 0

    def share(self, total: int) -> int:
        """Most of so many rows that a rank takes."""
        return -(-total // self.size)

    def mine(self, total: int) -> slice:
        """Which of so many rows this rank takes; of few rows the last ranks take none."""
        start = min(self.number * self.share(total), total)
        return slice(start, min(start + self.share(total), total))

    def generator(self, seed: int) -> torch.Generator | None:
        """What draws the same on all ranks; alone, torch's own. Seeds torch's own too, with another seed on each rank."""
        torch.manual_seed(seed + self.number * SEEDS_APART)
        return torch.Generator().manual_seed(seed) if self.together else None

    def gather(self, mine: Float[Tensor, "held dim"], total: int) -> Float[Tensor, "total dim"]:
        """The rows of all ranks, of which this one holds `mine(total)`; the gradient of a row is the sum over all ranks."""
        if not self.together:
            return mine
        gathered: Tensor = _Gather.apply(mine, total, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give each parameter the sum of its gradients over all ranks; one that has none on any rank keeps none."""
        if not self.together:
            return
        given = torch.tensor([float(parameter.grad is not None) for parameter in parameters], device=self.device)
        parts = [torch.zeros_like(parameter) if parameter.grad is None else parameter.grad for parameter in parameters]
        flat = torch.cat([*(part.flatten() for part in parts), given])  # one message is cheaper than many
        dist.all_reduce(flat)
        *sums, givers = flat.split([*(part.numel() for part in parts), len(given)])
        for parameter, gradient, number in zip(parameters, sums, givers.tolist(), strict=True):
            parameter.grad = gradient.view_as(parameter) if number else None

    def sum(self, values: Tensor) -> Tensor:
        """Over all ranks."""
        if self.together:
            dist.all_reduce(values)
        return values

    def alike(self, model: nn.Module) -> None:
        """Give parameters and buffers of all ranks the values of the first."""
        if self.together:
            for values in model.state_dict().values():
                dist.broadcast(values, 0)

    def collect(self, mine: Tensor, spans: Sequence[tuple[int, slice]], *, into: Tensor | None) -> None:
        """Bring rows that lie on several ranks to the first.

        Args:
            mine: The rows of this rank.
            spans: Ranks and the rows that each of them holds.
            into: On the first rank, the whole.
        """
        for number, rows in spans:
            if into is not None:
                received = mine if number == 0 else mine.new_empty(rows.stop - rows.start, *mine.shape[1:])
                if number != 0:
                    dist.recv(received, number)
                into[rows].copy_(received)
            elif number == self.number:
                dist.send(mine.contiguous(), 0)

    def on_first(self, question: Callable[[], Answer]) -> Answer:
        """What the first rank answers, told to all.

        Raises:
            GivenUpError: On the others, if the question raised anything on the first; there it is raised as it is.
        """
        if not self.together:
            return question()
        told: list[Any] = [False, None]
        try:
            if self.first:
                told = [True, question()]
        finally:
            dist.broadcast_object_list(told, 0, group=self.waiting)
        if not told[0]:
            raise GivenUpError
        answer: Answer = told[1]
        return answer


ALONE = Ranks()
_CURRENT: ContextVar[Ranks] = ContextVar("ranks", default=ALONE)


def current_ranks() -> Ranks:
    """What this process has joined."""
    return _CURRENT.get()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the other processes that torchrun has started: on GPUs by nccl where there are any, else on CPUs by gloo.

    Raises:
        ValueError: There are fewer GPUs than processes here.
    """
    device = _device(int(os.environ["LOCAL_RANK"]))
    store, number, size = meet()
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=number, world_size=size)
    waiting = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
    token = _CURRENT.set(Ranks(number, size, device, waiting))
    try:
        yield current_ranks()
    finally:
        _CURRENT.reset(token)
    dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return CPU
    found = torch.cuda.device_count()
    if local_rank >= found:
        raise ValueError(
            f"torchrun has started {os.environ.get('LOCAL_WORLD_SIZE', local_rank + 1)} processes on a machine with {found} GPUs; "
            f"pass --nproc-per-node {found}, or train on CPUs with CUDA_VISIBLE_DEVICES= in the environment."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mine: Tensor, total: int, ranks: Ranks) -> Tensor:
        ctx.held, ctx.share, ctx.size = len(mine), ranks.share(total), ranks.size
        rows = mine.new_empty(ctx.share * ranks.size, *mine.shape[1:])
        dist.all_gather_single(rows, _padded(mine, ctx.share))
        return rows[:total]  # only behind the last row held by any rank is padding

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        mine = gradients[0].new_empty(ctx.share, *gradients[0].shape[1:])
        dist.reduce_scatter_single(mine, _padded(gradients[0], ctx.share * ctx.size))
        return mine[: ctx.held], None, None


def _padded(rows: Tensor, length: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros(length - len(rows), *rows.shape[1:])])
