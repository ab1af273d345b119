"""One step of a training up to its loss: users and candidates of a batch, embedded, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import ItemBatch
from recsys.losses.candidate_softmax import candidate_softmax
from recsys.models.two_tower import QUESTIONS, TwoTower
from recsys.training.config import RetrieverConfig
from recsys.training.ranks import Ranks


@dataclass(frozen=True)
class Scored:
    """A batch on its way to the loss."""

    users: Tensor
    """(targets, dim + QUESTIONS)"""
    items: ItemBatch
    """The candidates."""
    table: Tensor
    """(candidates, dim + QUESTIONS): their vectors and biases."""
    loss: Callable[[Tensor, Tensor], Tensor]
    """Of such users and such a table."""


class Scoring:
    """Scores the batches of one training; each rank its pieces of a batch, among the same candidates.

    Args:
        model: What is trained.
        items: The whole catalogue, prepared for it.
        past: What is learned from.
        offered: (items,) since when each item has been on offer; see `offered_from`.
        config: Settings.
        ranks: Those that train together.
        settle: Called with the items that a step is about to read, where it does not read all.
    """

    random: torch.Generator | None = None
    """Draws the same on all ranks; None: torch's own."""

    def __init__(
        self,
        model: TwoTower,
        items: ItemBatch,
        past: Interactions,
        offered: npt.NDArray[np.int64],
        config: RetrieverConfig,
        ranks: Ranks,
        *,
        settle: Callable[[Tensor], None],
    ) -> None:
        self._model, self._config, self._ranks, self._settle = model, config, ranks, settle
        counts = np.bincount(past.item_index, minlength=past.num_items)
        met = torch.from_numpy(np.flatnonzero(counts))
        self._met = items.select(met).to(ranks.device)
        place = torch.zeros(len(items), dtype=torch.long)
        place[met] = torch.arange(len(met))
        self._place = place.to(ranks.device)
        self._frequency = torch.from_numpy(counts[counts > 0] / counts.sum()).float().clamp(max=0.5).to(ranks.device)
        self._offered_from = torch.from_numpy(offered)[met].to(ranks.device)
        self._young = bool((self._offered_from > int(past.event_time.min())).any())

    def score(self, batch: SequenceBatch) -> Scored:
        """A batch against all items that anyone has met, or, where the catalogue is long, against a sample of them."""
        return self._all_items(batch) if len(self._place) <= self._config.full_softmax_items else self._sampled_items(batch)

    def _all_items(self, batch: SequenceBatch) -> Scored:
        """Every item that anyone has met is a candidate; of the others nothing can be learned here but that they were not on offer."""
        items = self._drop(self._met)
        table = self._embed(self._model.embed_items, items)
        mine, share = self._mine(batch)
        place = self._place[self._tensor(mine.item_index)]
        users, target = self._users(mine, table[place][..., :-QUESTIONS])
        chosen, weight = place.flatten()[target], self._tensor(mine.loss_weight).flatten()[target]
        absent = self._absent(mine, target, self._offered_from)
        return Scored(users, items, table, lambda asked, vectors: share * candidate_softmax(asked, vectors, chosen, weight, absent=absent))

    def _sampled_items(self, batch: SequenceBatch) -> Scored:
        """The items of the batch and a uniform sample are candidates."""
        uniform = torch.randint(len(self._met), (self._config.uniform_negatives,), generator=self.random).to(self._ranks.device)
        read = self._place[self._tensor(batch.item_index).flatten()]
        rows, place = torch.unique(torch.cat([read, uniform]), return_inverse=True)
        items = self._drop(self._met.select(rows))
        self._settle(items.item_index)
        table = self._embed(self._model.embed_items, items)
        targets = self._tensor(np.flatnonzero(batch.loss_weight))
        candidate = torch.unique(torch.cat([place[: len(read)][targets], place[len(read) :]]))
        in_batch = -torch.expm1(len(targets) * torch.log1p(-self._frequency[rows[candidate]]))  # probability to be among the targets
        log_q = (in_batch + self._config.uniform_negatives / len(self._met)).clamp(max=1.0).log()
        mine, share = self._mine(batch)
        my_place = place[: len(read)].view(batch.item_index.shape)[self._ranks.mine(len(batch))]
        users, target = self._users(mine, table[my_place][..., :-QUESTIONS])
        chosen, weight = torch.searchsorted(candidate, my_place.flatten()[target]), self._tensor(mine.loss_weight).flatten()[target]
        absent = self._absent(mine, target, self._offered_from[rows[candidate]])

        def loss(asked: Tensor, vectors: Tensor) -> Tensor:
            return share * candidate_softmax(asked, vectors[candidate], chosen, weight, log_q=log_q, absent=absent)

        return Scored(users, items, table, loss)

    def _absent(self, batch: SequenceBatch, target: Tensor, offered_from: Tensor) -> Tensor | None:
        """(targets, candidates): whether a candidate was not on offer yet when the target was chosen; None: all always were."""
        if not self._young:
            return None
        return offered_from > self._tensor(batch.event_time).flatten()[target][:, None]

    def teach_cold(self, scored: Scored) -> None:
        """Let a random half of the items do without their ids; only what stands in for them learns from how they do among the others."""
        cold = (torch.rand(len(scored.items), generator=self.random) < 0.5).to(self._ranks.device)
        imagined = self._embed(self._model.embed_new_items, scored.items.without_ids())
        mixed = torch.where(cold[:, None], imagined, scored.table.detach())
        learning = [*self._model.imagined_item.parameters(), *self._model.item_tower.match.parameters()]
        gradients = torch.autograd.grad(scored.loss(scored.users.detach(), mixed), learning, allow_unused=True)
        for parameter, gradient in zip(learning, gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None or gradient is None else parameter.grad + gradient

    def _drop(self, items: ItemBatch) -> ItemBatch:
        """The same items, some of them with a modality hidden."""
        if not self._config.modality_dropout:
            return items
        draws = {name: torch.rand(len(items), generator=self.random).to(self._ranks.device) for name in items.presence}
        return items.hiding({name: draw < self._config.modality_dropout for name, draw in draws.items()})

    def _embed(self, embed: Callable[[ItemBatch], tuple[Tensor, Tensor]], items: ItemBatch) -> Tensor:
        """(items, dim + QUESTIONS): vectors and, behind them, the bias for each question; each rank embeds some, all get all."""
        return self._ranks.gather(torch.cat(embed(items.select(self._ranks.mine(len(items)))), dim=1), len(items))

    def _mine(self, batch: SequenceBatch) -> tuple[SequenceBatch, float]:
        """The pieces of this rank and their share of the loss: the sum over all ranks is the mean over the batch."""
        mine = batch.select(self._ranks.mine(len(batch)))
        return mine, float(mine.loss_weight.sum() / max(batch.loss_weight.sum(), 1e-9))

    def _tensor(self, values: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self._ranks.device)

    def _users(self, batch: SequenceBatch, item_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(targets, dim + QUESTIONS) user vectors, and which flat positions of the batch are targets."""
        history = (self._tensor(values) for values in (batch.kind, batch.age_days, batch.in_order))
        states = self._model.user_tower(item_vectors, *history)
        target = self._tensor(np.flatnonzero(batch.loss_weight))
        question = self._tensor(batch.wanted).flatten()[target].long()
        before = states[:, :-1].flatten(0, 1)[target]  # the state before each target
        asked = self._model.ask(before, question)
        return torch.cat([asked, torch.nn.functional.one_hot(question, QUESTIONS)], dim=1), target
