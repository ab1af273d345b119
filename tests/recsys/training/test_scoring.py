"""What a target must win against, held against logits written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from recsys.data.offers import offered_from
from recsys.data.relevance import Kind
from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import item_batch
from recsys.models.architecture import build_towers
from recsys.training.config import RetrieverConfig
from recsys.training.inputs import known_items, tower_shape, training_sequences
from recsys.training.ranks import ALONE
from recsys.training.scoring import Scored, Scoring
from tests.support.behaviour import interactions_of, items_of

NUM_ITEMS = 6
PAST = interactions_of(
    [("a", 0, 1), ("a", 1, 2), ("a", 2, 3, Kind.DISLIKED), ("b", 3, 1), ("b", 4, 2), ("c", 5, 1)],
    num_items=NUM_ITEMS,
)
CONFIG = RetrieverConfig(
    embedding_dim=8, history_length=3, blocks=1, dropout=0.0, modalities=(), order="time", tokens_per_batch=100, uniform_negatives=0
)


def _scored(config: RetrieverConfig) -> tuple[SequenceBatch, Scored]:
    """The only batch of the past, scored by a fresh model."""
    torch.manual_seed(0)
    items = items_of(NUM_ITEMS)
    model = build_towers(tower_shape(items, config))
    batch = item_batch(items, has_id=known_items(PAST, config), modalities=())
    scoring = Scoring(model, batch, PAST, offered_from(items, PAST), config, ALONE, settle=lambda _read: None)
    (only,) = training_sequences(PAST, config).epoch(0)
    return only, scoring.score(only)


def _expected(batch: SequenceBatch, scored: Scored, *, mask: bool) -> torch.Tensor:
    """Cross-entropy over all items of the event to be named at each place; with `mask` without what the same user has chosen in answer to
    the same question."""
    costs = []
    for user, (row, at) in zip(scored.users, zip(*batch.loss_weight.nonzero(), strict=True), strict=True):
        place = batch.target[row, at]
        logits = scored.table @ user
        for other in range(batch.item_index.shape[1]):
            answers = batch.kind[row, other] > 0 and (batch.wanted[row, other] or not batch.wanted[row, place])
            if mask and other != place and answers:
                logits[batch.item_index[row, other]] = float("-inf")
        costs.append(F.cross_entropy(logits, torch.tensor(batch.item_index[row, place])))
    return torch.stack(costs).mean()


def test_whatever_else_the_user_chose_can_be_a_negative() -> None:
    batch, scored = _scored(replace(CONFIG, mask_own_choices=False))
    torch.testing.assert_close(scored.loss(scored.users, scored.table), _expected(batch, scored, mask=False))


def test_by_default_what_the_user_chose_elsewhere_in_answer_to_the_same_question_is_no_negative() -> None:
    batch, scored = _scored(CONFIG)
    torch.testing.assert_close(scored.loss(scored.users, scored.table), _expected(batch, scored, mask=True))


@pytest.mark.parametrize("next_events", [0, 2])
def test_what_lies_further_ahead_is_named_and_all_that_the_user_chose_is_no_negative(next_events: int) -> None:
    batch, scored = _scored(replace(CONFIG, next_events=next_events, next_decay=1.0))
    assert (batch.target > np.arange(batch.target.shape[1])).any()
    torch.testing.assert_close(scored.loss(scored.users, scored.table), _expected(batch, scored, mask=True))
