"""The steps of a training: from batches to moved weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import ItemBatch
from recsys.losses.joint_alignment import JointAlignment
from recsys.models.id_table import IdTable
from recsys.models.two_tower import TwoTower
from recsys.training.config import RetrieverConfig
from recsys.training.ema import MovingAverage
from recsys.training.perturbation import worst_shift
from recsys.training.ranks import Ranks
from recsys.training.schedule import learning_rate
from recsys.training.scoring import Scored, Scoring


class Steps:
    """Moves the weights of one training; each rank does its part of every step.

    In fp16 gradients are those of a loss scaled up (Micikevicius et al., Mixed precision training, ICLR 2018), by half as much after each
    step in which they overflow; such a step is skipped. A long id table moves inside the backward pass, so what reaches it is scaled down
    there, and nothing reaches it that is not finite.

    Args:
        model: What is trained.
        average: Follows it.
        scoring: Takes a batch up to its loss.
        alignment: What is learned beside retrieval.
        apart: Parameters of a long id table, which move by themselves.
        config: Settings.
        ranks: Those that train together.
    """

    def __init__(
        self,
        model: TwoTower,
        average: MovingAverage[TwoTower],
        scoring: Scoring,
        *,
        alignment: JointAlignment | None,
        apart: Sequence[nn.Parameter],
        config: RetrieverConfig,
        ranks: Ranks,
    ) -> None:
        self._model, self._average, self._scoring, self._config, self._ranks = model, average, scoring, config, ranks
        self.alignment = alignment
        fused = {id(parameter) for parameter in apart}
        aligning = alignment.parameters() if alignment else ()
        self._dense = [parameter for parameter in (*model.parameters(), *aligning) if id(parameter) not in fused]
        self.optimizer = torch.optim.AdamW(self._dense, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=config.precision == "fp16")
        self.skipped = 0
        """Steps so far whose gradients overflowed."""
        if self.scaler.is_enabled() and not isinstance(model.item_tower.ids, IdTable):
            model.item_tower.ids.register_forward_hook(self._scale_down)

    def step(self, batches: Sequence[SequenceBatch], *, progress: float) -> Tensor:
        """One step, as if these batches were one; gives this rank's part of its retrieval loss.

        Args:
            batches: At least one.
            progress: Share of the longest training that is over.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self._config, steps=self._average.steps, progress=progress)
        self.optimizer.zero_grad(set_to_none=True)
        weights = [float(batch.target_weight.sum()) for batch in batches]
        shares = [weight / sum(weights) if any(weights) else 1 / len(batches) for weight in weights]
        loss = torch.stack([self._learn(batch, share) for batch, share in zip(batches, shares, strict=True)]).sum()
        self._ranks.sum_gradients(self._dense)
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self._dense, self._config.gradient_clip)
        if self._moves():
            self._average.update()
        return loss

    def _moves(self) -> bool:
        """Move the weights; False: gradients have overflowed, and nothing has moved but rows of a long id table whose own were finite."""
        self.scaler.step(self.optimizer)
        scale = self.scaler.get_scale()
        self.scaler.update()
        overflowed = self.scaler.get_scale() < scale
        self.skipped += overflowed
        return not overflowed

    def _scale_down(self, _table: nn.Module, _asked: tuple[Tensor], rows: Tensor) -> None:
        """Give the table that looked these rows up the gradients of the loss itself."""
        if rows.requires_grad:
            rows.register_hook(lambda gradient: torch.where(gradient.isfinite().all(), gradient / self.scaler.get_scale(), 0.0))

    def _learn(self, batch: SequenceBatch, share: float) -> Tensor:
        """Add to the gradients what a batch, so large a share of its step, has to say."""
        scored = self._scoring.score(batch)
        loss = scored.loss(scored.users, scored.table)
        together = loss + self._config.adversarial_weight * self._moved(scored) if self._config.adversarial else loss
        together = self._aligned(together, scored.items, self.alignment) if self.alignment else together
        self.scaler.scale(share * together).backward()
        if self._teaches_cold():
            self._scoring.teach_cold(scored, share=share * self.scaler.get_scale())
        return share * loss.detach()

    def _moved(self, scored: Scored) -> Tensor:
        """The loss where each item lies a little off, in its worst direction."""
        users = scored.users.detach()
        shift = worst_shift(lambda table: scored.loss(users, table), scored.table, length=self._config.adversarial, total=self._ranks.sum)
        return scored.loss(scored.users, scored.table + shift)

    def _teaches_cold(self) -> bool:
        return self._config.cold_every > 0 and self._config.use_item_id and self._average.steps % self._config.cold_every == 0

    def _aligned(self, retrieval: Tensor, items: ItemBatch, alignment: JointAlignment) -> Tensor:
        """The retrieval loss and what it costs that the modalities of some of the step's items disagree.

        All ranks look at the same items, and each bears its part.
        """
        drawn = torch.randperm(len(items), generator=self._scoring.random)[: self._config.aligned_items]
        some = items.select(drawn.to(self._ranks.device))
        together: Tensor = alignment(retrieval * self._ranks.size, self._model.item_tower.content_tokens(some), some.presence)
        return together / self._ranks.size
