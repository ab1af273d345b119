"""One step of a training up to its loss: users and candidates of a batch, embedded, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.passed_over import PassedOver
from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import ItemBatch
from recsys.losses.candidate_softmax import candidate_softmax
from recsys.models.two_tower import QUESTIONS, TwoTower
from recsys.training.config import RetrieverConfig
from recsys.training.hard_negatives import HardNegatives
from recsys.training.negatives import Candidates, Negatives
from recsys.training.number_format import number_format
from recsys.training.own_choices import own_choices
from recsys.training.ranks import Ranks


@dataclass(frozen=True)
class Scored:
    """A batch on its way to the loss."""

    users: Tensor
    """(targets, dim + QUESTIONS)"""
    items: ItemBatch
    """What the step embeds: what it reads and its candidates, save those it remembers."""
    table: Tensor
    """(items, dim + QUESTIONS): their vectors and biases."""
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
        passed_over: What users were shown and did nothing with.
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
        passed_over: PassedOver | None = None,
        settle: Callable[[Tensor], None],
    ) -> None:
        self._model, self._config, self._ranks, self._settle = model, config, ranks, settle
        counts = np.bincount(past.item_index, minlength=past.num_items)
        met = torch.from_numpy(np.flatnonzero(counts))
        self._met = items.select(met).to(ranks.device)
        row = torch.zeros(len(items), dtype=torch.long)
        row[met] = torch.arange(len(met))
        self._row = row.to(ranks.device)
        frequency = torch.from_numpy(counts[counts > 0] / counts.sum()).float().clamp(max=0.5).to(ranks.device)
        self._negatives = None if len(items) <= config.full_softmax_items else Negatives(frequency, config)
        shown = None if passed_over is None else passed_over.of_users(past.user_ids).of_items(counts > 0)
        self._hard = HardNegatives(config, shown, self._row)
        self._everything = Candidates(torch.arange(len(met), device=ranks.device))
        self._offered_from = torch.from_numpy(offered)[met].to(ranks.device)
        self._young = bool((self._offered_from > int(past.event_time.min())).any())

    @property
    def asks_for_an_index(self) -> bool:
        """Whether an epoch wants to know where the items lie."""
        return self._negatives is not None and self._config.hard_negatives > 0

    def begin_epoch(self, random: torch.Generator | None, *, average: TwoTower, index: Tensor | None) -> None:
        """Make ready for the steps of an epoch.

        Args:
            random: See `random`.
            average: The moving average.
            index: (items, dim + BEHIND) item vectors of the epoch before, on the CPU, for hard negatives; None: there are none yet.
        """
        self.random = random
        self._hard.begin_epoch(average, None if index is None else index[self._met.item_index.cpu()].to(self._ranks.device))
        if self._negatives:
            self._negatives.begin_epoch()

    def score(self, batch: SequenceBatch) -> Scored:
        """A batch against all items that anyone has met, or, where the catalogue is long, against a sample of them.

        Of items that nobody has met nothing can be learned here but that they were not on offer.
        """
        read = self._row[self._tensor(batch.item_index)]  # (pieces, length)
        if self._negatives is None:
            return self._against(self._everything, self._met, batch, read)
        targets = read.flatten()[self._tensor(np.flatnonzero(batch.loss_weight))]  # all that may be named, whatever is named this time
        candidates = self._negatives.draw(targets, list(self._hard.pools(batch, read)), random=self.random)
        rows = torch.unique(torch.cat([read.flatten(), candidates.embedded]))
        items = self._met.select(rows)
        self._settle(items.item_index)
        scored = self._against(candidates, items, batch, read, rows=rows)
        self._negatives.remember(candidates, scored.table[torch.searchsorted(rows, candidates.embedded)], targets=len(targets))
        return scored

    def _against(
        self, candidates: Candidates, items: ItemBatch, batch: SequenceBatch, read: Tensor, *, rows: Tensor | None = None
    ) -> Scored:
        """A batch against these candidates.

        Args:
            candidates: What each target must win against.
            items: What is embedded: all that is read, and the candidates that are not remembered.
            batch: The whole batch.
            read: (pieces, length) its items, as rows of those met.
            rows: The same of `items`, ascending; None: these are all that are met.
        """
        items = self._drop(items)
        table = self._embed(self._model.embed_items, items)
        mine, share = self._mine(batch)
        my_read = read[self._ranks.mine(len(batch))]
        users, target = self._users(mine, table[my_read if rows is None else torch.searchsorted(rows, my_read)][..., :-QUESTIONS])
        chosen, weight = candidates.number(my_read.flatten()[target]), self._tensor(mine.loss_weight).flatten()[target]
        absent = self._absent(mine, my_read, target, candidates)
        places = None if rows is None else torch.searchsorted(rows, candidates.embedded)
        corrected = self._config.positive_correction == "yi"

        def loss(asked: Tensor, vectors: Tensor) -> Tensor:
            offered = candidates.vectors(vectors if places is None else vectors[places])
            return share * candidate_softmax(
                asked,
                offered,
                chosen,
                weight,
                log_q=candidates.log_q,
                absent=absent,
                correct_target=corrected,
                stands_for=candidates.stands_for,
            )

        return Scored(users, items, table, loss)

    def _absent(self, batch: SequenceBatch, read: Tensor, target: Tensor, candidates: Candidates) -> Tensor | None:
        """(targets, candidates): which candidates are no negatives of a target; None: all are, everywhere.

        Those that were not on offer yet when the target was chosen, and, if asked for, `own_choices`.
        """
        absent = None
        if self._young:
            absent = self._offered_from[candidates.rows] > self._tensor(batch.event_time).flatten()[target][:, None]
        if self._config.mask_own_choices:
            length, wanted = batch.item_index.shape[1], self._tensor(batch.wanted).flatten()
            event = self._tensor(np.flatnonzero(batch.loss_weight))  # all of a piece, not only what is named of it this time
            chosen = candidates.number(read.flatten()[event])
            answers = own_choices(event // length, chosen, wanted[event], pieces=len(batch), candidates=len(candidates.rows))
            own = answers[target // length, wanted[target].long()]
            absent = own if absent is None else absent | own
        return absent

    def teach_cold(self, scored: Scored, *, share: float) -> None:
        """Let a random half of the items do without their ids; only what stands in for them learns from how they do among the others.

        Args:
            scored: A batch.
            share: What it counts in its step, times what the step's gradients are scaled by.
        """
        cold = (torch.rand(len(scored.items), generator=self.random) < 0.5).to(self._ranks.device)
        imagined = self._embed(self._model.embed_new_items, scored.items.without_ids())
        mixed = torch.where(cold[:, None], imagined, scored.table.detach())
        learning = [*self._model.imagined_item.parameters(), *self._model.item_tower.match.parameters()]
        gradients = torch.autograd.grad(share * scored.loss(scored.users.detach(), mixed), learning, allow_unused=True)
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
        with number_format(self._config.precision, self._ranks.device):
            vectors, biases = embed(items.select(self._ranks.mine(len(items))))
        return self._ranks.gather(torch.cat([vectors.float(), biases.float()], dim=1), len(items))

    def _mine(self, batch: SequenceBatch) -> tuple[SequenceBatch, float]:
        """The pieces of this rank and their share of the loss: the sum over all ranks is the mean over the batch."""
        mine = batch.select(self._ranks.mine(len(batch)))
        return mine, float(mine.target_weight.sum() / max(batch.target_weight.sum(), 1e-9))

    def _tensor(self, values: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self._ranks.device)

    def _users(self, batch: SequenceBatch, item_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(targets, dim + QUESTIONS) user vectors, and the flat position in the batch of what each has to name."""
        history = (self._tensor(values) for values in (batch.kind, batch.age_days, batch.in_order, batch.attributes))
        with number_format(self._config.precision, self._ranks.device):
            states = self._model.user_tower(item_vectors, *history).float()
        place = np.flatnonzero(batch.target_weight)
        first = place - place % batch.target.shape[1]  # of its row
        target = self._tensor(first + batch.target.flatten()[place])
        question = self._tensor(batch.wanted).flatten()[target].long()
        before = states[:, :-1].flatten(0, 1)[self._tensor(place)]
        asked = self._model.ask(before, question)
        return torch.cat([asked, torch.nn.functional.one_hot(question, QUESTIONS)], dim=1), target
