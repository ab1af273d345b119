"""From encoders as they came to encoders that know the shop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from recsys.encoders.precision import resolve_precision
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.heads import Heads
from recsys.training.fine_tuning.items import PairItems
from recsys.training.fine_tuning.learner import Learner, Recalls, Schedule
from recsys.training.fine_tuning.sides import Side, fixed

HEAD_EPOCHS, HEAD_PATIENCE, HEAD_RATE = 60, 8, 3e-3
SETTLED_HEAD_RATE = HEAD_RATE / 10
"""In the second step."""
CHECKPOINT, HEADS_CHECKPOINT = "fine_tuning.pt", "heads.pt"


@dataclass(frozen=True, kw_only=True)
class FineTuned:
    """How it went; the models were changed in place."""

    before: Recalls
    """Of held-out pairs, by the encoders as they came under heads that have learned."""
    after: Recalls
    """The same by the encoders that are left."""
    epoch: int
    """The best one; 0: no epoch was better than the encoders as they came, which are left as they were."""
    losses: list[float]


def enough(items: PairItems, config: FineTuneConfig) -> bool:
    """Whether there are `min_pairs` to learn from, and two of a kind to choose by."""

    def pairs(*, held_out: bool) -> tuple[int, int]:
        return len(items.described(held_out=held_out)), len(items.clicked(held_out=held_out)) if config.co_click_weight else 0

    return sum(pairs(held_out=False)) >= config.min_pairs and max(pairs(held_out=True)) > 1


def fine_tune(
    items: PairItems,
    photos: Side,
    texts: Side,
    config: FineTuneConfig,
    *,
    device: torch.device,
    scratch: Path,
    on_step: Callable[[], object] = lambda: None,
) -> FineTuned:
    """Learn in two steps: heads over encoders that do not move, then both together (Kumar et al., ICLR 2022).

    So the encoders are moved by what they lack, not by heads that know nothing yet; and what the first step reaches is what the second
    is held against. Equal arguments give equal weights on one kind of machine.

    Args:
        items: What is learned from; see `enough`.
        photos: Their photos; a `FixedSide` where the shop has no image encoder.
        texts: Their texts.
        config: What learns, and how.
        device: Where.
        scratch: Where the state after each epoch is kept; a run that was killed goes on from there, to the same end.
        on_step: Called after each batch of the second step.
    """
    dtype = resolve_precision(config.precision, device)
    still = [fixed(side, chunk=config.chunk, dtype=dtype, device=device) for side in (photos, texts)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        heads = Heads(image_dim=still[0].vectors.shape[1], text_dim=still[1].vectors.shape[1])
        folds = [side.make_trainable(config) for side in (photos, texts)]
    alone = Learner(items, still[0], still[1], heads, config, device=device)
    alone.learn(Schedule(epochs=HEAD_EPOCHS, patience=HEAD_PATIENCE, rates=[(heads, HEAD_RATE)]), checkpoint=scratch / HEADS_CHECKPOINT)
    both = Learner(
        items,
        still[0] if config.image == "frozen" else photos,
        still[1] if config.text == "frozen" else texts,
        heads,
        config,
        device=device,
    )
    rates = [(photos, config.learning_rate), (texts, config.learning_rate), (heads, SETTLED_HEAD_RATE)]
    second = both.learn(
        Schedule(epochs=config.epochs, patience=config.patience, rates=rates), checkpoint=scratch / CHECKPOINT, on_step=on_step
    )
    for fold in folds:
        fold()
    return FineTuned(before=second.recalls[0], after=second.recalls[second.best], epoch=second.best, losses=second.losses)
