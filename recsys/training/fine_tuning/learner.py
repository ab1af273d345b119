"""Train what may learn of both sides until pairs that are held out find each other no better."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.encoders.precision import resolve_precision
from recsys.metrics.partner_recall import partner_recall_at_k
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.gradient_cache import cached_backward
from recsys.training.fine_tuning.heads import JOINT_DIM, Heads, item_vectors
from recsys.training.fine_tuning.items import PairItems, Rows, deal_pairs
from recsys.training.fine_tuning.sides import Drawn, Side, forward, split
from recsys.training.fine_tuning.trainable import freeze_statistics

CUTOFFS = (1, 5, 10)
WARMUP_SHARE = 0.1
WEIGHT_DECAY = 0.01
GRADIENT_CLIP = 1.0
HELD_OUT_CO_CLICKS = 1000
Recalls = dict[str, float]
"""`image_to_text@1`, ... -> share of held-out pairs, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast."""

    epochs: int
    patience: int
    rates: Sequence[tuple[nn.Module, float]]
    """Modules that learn and their learning rates."""


@dataclass(kw_only=True)
class Learned:
    """How it went."""

    losses: list[float] = field(default_factory=list)
    """Mean over the batches of each epoch."""
    recalls: list[Recalls] = field(default_factory=list)
    """Before the first epoch and after each."""

    @property
    def best(self) -> int:
        """Epoch with the highest mean of all recalls, the first of equals; 0: before the first."""
        return int(np.argmax([_score(recalls) for recalls in self.recalls]))


@dataclass(frozen=True)
class _Chunk:
    """Some rows of a batch, contents drawn."""

    has: tuple[Tensor, ...]
    """Per side, which of the rows have it."""
    drawn: tuple[Drawn, ...]


def num_batches(items: PairItems, config: FineTuneConfig) -> int:
    """Of an epoch, all of nearly the same size: one over the photos with a text, or, without any, over the co-click pairs."""
    pairs = len(items.described(held_out=False)) or len(items.clicked(held_out=False))
    return max(1, round(pairs / config.batch))


class Learner:
    """Photos, texts and the heads in which they meet.

    Args:
        items: What is learned from.
        photos: The side of photos.
        texts: The side of texts.
        heads: Of both.
        config: Batches, chance and number format.
        device: Where it runs.
    """

    def __init__(self, items: PairItems, photos: Side, texts: Side, heads: Heads, config: FineTuneConfig, *, device: torch.device) -> None:
        self.parts = nn.ModuleDict({"photos": photos, "texts": texts, "heads": heads}).to(device)
        self._items, self._sides, self._heads, self._config, self._device = items, (photos, texts), heads, config, device
        self._dtype = resolve_precision(config.precision, device)

    def learn(self, schedule: Schedule, *, checkpoint: Path, on_step: Callable[[], object] = lambda: None) -> Learned:
        """Train, and leave the weights of the best epoch.

        Args:
            schedule: How long and how fast.
            checkpoint: Where the state after each epoch is kept; a run that was killed goes on from there, to the same end.
            on_step: Called after each batch.
        """
        config, parts = self._config, self.parts
        groups = [{"params": [w for w in module.parameters() if w.requires_grad], "lr": rate} for module, rate in schedule.rates]
        optimizer = torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=WEIGHT_DECAY)
        steps = schedule.epochs * math.ceil(num_batches(self._items, config) / config.accumulate)
        slope = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step, steps))
        learned = Learned()
        if checkpoint.exists():
            state = torch.load(checkpoint, map_location=self._device, weights_only=True)
            parts.load_state_dict(state["parts"])
            optimizer.load_state_dict(state["optimizer"])
            slope.load_state_dict(state["slope"])
            learned, best = Learned(losses=state["losses"], recalls=state["recalls"]), state["best"]
        else:
            learned.recalls.append(self.recalls())
            best = self._weights()
        while len(learned.losses) < schedule.epochs and len(learned.losses) - learned.best < schedule.patience:
            learned.losses.append(self._epoch(len(learned.losses), optimizer, slope, on_step))
            learned.recalls.append(self.recalls())
            if learned.best == len(learned.losses):
                best = self._weights()
            partial = checkpoint.with_suffix(".partial")
            states = {"parts": parts.state_dict(), "optimizer": optimizer.state_dict(), "slope": slope.state_dict(), "best": best}
            torch.save({**states, "losses": learned.losses, "recalls": learned.recalls}, partial)
            partial.replace(checkpoint)
        parts.load_state_dict(best, strict=False)
        return learned

    @torch.no_grad()
    def recalls(self) -> Recalls:
        """How many of the held-out pairs find each other, in both directions for photos and texts; of a kind without pairs, nothing."""
        items = self._items
        self.parts.eval()
        found: Recalls = {}
        rows = items.described(held_out=True)
        if len(rows) > 1:
            shown, said = self._vectors(rows)
            for name, (left, right) in {"image_to_text": (shown, said), "text_to_image": (said, shown)}.items():
                found |= _recalls(name, left, right, items.group[rows])
        clicked = np.random.default_rng(self._config.seed).permutation(items.clicked(held_out=True))
        (pairs,) = deal_pairs(clicked, items.group, batch=HELD_OUT_CO_CLICKS, batches=1)
        if len(pairs) > 1 and self._config.co_click_weight:
            left, right = (item_vectors(*self._vectors(pairs[:, end])) for end in (0, 1))
            found |= _recalls("co_click", left, right, np.arange(len(pairs)))
        return found

    def _epoch(self, epoch: int, optimizer: torch.optim.Optimizer, slope: Any, on_step: Callable[[], object]) -> float:
        config, items = self._config, self._items
        chance = config.seed * 1_000_003 + epoch  # an epoch's chance depends on its number alone
        random, generator = np.random.default_rng(chance), torch.Generator().manual_seed(chance)
        batches = num_batches(self._items, config)
        described = np.array_split(random.permutation(items.described(held_out=False)), batches)
        shuffled = random.permutation(random.permuted(items.clicked(held_out=False), axis=1))
        clicked = deal_pairs(shuffled if config.co_click_weight else shuffled[:0], items.group, batch=config.batch, batches=batches)
        self.parts.train()
        freeze_statistics(self.parts)
        total = 0.0
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(chance)  # dropout inside the models draws from the global state
            for number, (alone, pairs) in enumerate(zip(described, clicked, strict=True), start=1):
                total += self._backward(alone, pairs, generator)
                if number % config.accumulate == 0 or number == batches:
                    nn.utils.clip_grad_norm_(self.parts.parameters(), GRADIENT_CLIP)
                    optimizer.step()
                    slope.step()
                    optimizer.zero_grad(set_to_none=True)
                on_step()
        return total / batches

    def _backward(self, described: Rows, pairs: Rows, generator: torch.Generator) -> float:
        """Add the gradient of a batch; its loss."""
        rows = np.concatenate([described, pairs[:, 0], pairs[:, 1]])
        chunks = [self._draw(part, generator=generator) for part in split(rows, self._config.chunk)]
        group = torch.from_numpy(self._items.group[described]).to(self._device)

        def loss(shown: Tensor, said: Tensor) -> Tensor:
            return self._heads.loss(shown, said, group, co_click_weight=self._config.co_click_weight) / self._config.accumulate

        return float(cached_backward(self._encode, chunks, loss)) * self._config.accumulate

    def _vectors(self, rows: Rows) -> tuple[Float[Tensor, "rows dim"], Float[Tensor, "rows dim"]]:
        encoded = [self._encode(self._draw(part)) for part in split(rows, self._config.chunk)]
        shown, said = (torch.cat(vectors) for vectors in zip(*encoded, strict=True))
        return shown, said

    def _draw(self, rows: Rows, *, generator: torch.Generator | None = None) -> _Chunk:
        has = tuple(torch.from_numpy(side.has[rows]).to(self._device) for side in self._sides)
        drawn = tuple(
            side.drawn_on(self._device, rows[side.has[rows]], generator=generator) if side.has[rows].any() else () for side in self._sides
        )
        return _Chunk(has, drawn)

    def _encode(self, chunk: _Chunk) -> tuple[Float[Tensor, "rows dim"], ...]:
        """Projected unit vectors of photos and of texts; zero where an item lacks one."""
        vectors = []
        for side, head, has, drawn in zip(self._sides, (self._heads.show, self._heads.say), chunk.has, chunk.drawn, strict=True):
            found = torch.zeros(len(has), JOINT_DIM, device=self._device)
            if drawn:
                found = found.index_put((has.nonzero()[:, 0],), F.normalize(head(forward(side, drawn, self._dtype)), dim=-1))
            vectors.append(found)
        return tuple(vectors)

    def _weights(self) -> dict[str, Tensor]:
        return {name: weights.detach().clone() for name, weights in self.parts.named_parameters() if weights.requires_grad}


def _recalls(name: str, left: Tensor, right: Tensor, group: Rows) -> Recalls:
    vectors = left.cpu().numpy(), right.cpu().numpy()
    return {f"{name}@{k}": float(partner_recall_at_k(*vectors, group, k=k).mean()) for k in CUTOFFS}


def _score(recalls: Recalls) -> float:
    return float(np.mean(list(recalls.values())))


def _share_of_rate(step: int, steps: int) -> float:
    """A warm-up, then half a cosine down to zero."""
    warmup = max(1, round(WARMUP_SHARE * steps))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
