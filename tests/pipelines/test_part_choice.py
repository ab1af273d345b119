from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.part_choice import choose_parts
from recsys.data.item_to_item import LIKENESS, LINEAR
from recsys.data.tensors import item_batch
from recsys.evaluation.truth import Truth, build_truth
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.ensemble import EnsembleTraining
from recsys.training.inputs import tower_shape
from tests.support.behaviour import interactions_of
from tests.support.taste_world import NUM_ITEMS, NUM_NEW, SMALL, taste_interactions, taste_items

NEW = np.arange(NUM_ITEMS) >= NUM_ITEMS - NUM_NEW
SHAPE = tower_shape(taste_items(), SMALL)


@pytest.fixture
def training() -> EnsembleTraining:
    """Towers that know nothing yet."""
    torch.manual_seed(0)
    model = build_towers(SHAPE).eval().requires_grad_(False)
    model.item_tower.fit_whitening(taste_items())
    prepared = model.item_tower.prepare(item_batch(taste_items(), has_id=~NEW, modalities=SHAPE.modalities))
    vectors = embed_catalogue(model, prepared, np.zeros(NUM_ITEMS))
    return EnsembleTraining(model=Ensemble([model]), item_vectors=vectors, epochs=(1,), members=[], id_collisions=None)


def window(*, own: bool, new: bool) -> Truth:
    """Next, users choose two items that they have not had, new ones or known ones, of their own kind or of the other."""
    past, rows = taste_interactions(), list[tuple[str, int, float]]()
    for row, user in enumerate(past.user_ids):
        kind = row % 2 if own else 1 - row % 2
        unseen = np.setdiff1d(np.flatnonzero((new == NEW) & (np.arange(NUM_ITEMS) % 2 == kind)), past.of_user(row).item_index)
        rows += [(str(user), int(item), 100.0) for item in unseen[:2]]
    return build_truth(past, interactions_of(rows, num_items=NUM_ITEMS), candidates=np.ones(NUM_ITEMS, bool))


def test_what_helps_users_find_known_items_counts(training: EnsembleTraining) -> None:
    past, truth = taste_interactions(), window(own=True, new=False)
    chosen, vectors = choose_parts(training, taste_items(), past, truth, SMALL)
    assert {part.name: part.weight for part in training.model.parts} == chosen
    users = TwoTowerScorer(training.model, vectors, SMALL.history_length).user_vectors(past, truth.rows)
    unseen = past.asked(truth.rows).seen().toarray() == 0
    part, towers = (users[:, place] @ vectors[:, place].T for place in (training.model.places[LINEAR], training.model.towers))
    spread = [np.std(scores, axis=1, where=unseen).mean() for scores in (part, towers)]
    assert spread[0] / spread[1] == pytest.approx(0.6, abs=0.01)  # the best share; the least that is as good within a standard error is .35


def test_what_misleads_is_left_out(training: EnsembleTraining) -> None:
    assert LINEAR not in choose_parts(training, taste_items(), taste_interactions(), window(own=False, new=False), SMALL)[0]
    assert LIKENESS not in choose_parts(training, taste_items(), taste_interactions(), window(own=False, new=True), SMALL)[0]


def test_likeness_counts_as_is_safe_where_there_are_no_new_items_to_tell(training: EnsembleTraining) -> None:
    truth = replace(window(own=True, new=False), candidates=~NEW)
    chosen, vectors = choose_parts(training, taste_items(), taste_interactions(), truth, SMALL)
    scorer = TwoTowerScorer(training.model, vectors, SMALL.history_length)
    users = scorer.user_vectors(taste_interactions(), truth.rows)
    towers, place = training.model.towers, training.model.places[LIKENESS]
    new = vectors[NEW]
    shares = (users[:, place] @ new[:, place].T).std(axis=1) / (users[:, towers] @ new[:, towers].T).std(axis=1)
    assert chosen[LIKENESS] > 0
    assert 0.3 < np.median(shares) < 1.2  # .6, as all items tell it, of which these are four


def test_a_part_that_the_config_leaves_out_is_not_chosen(training: EnsembleTraining) -> None:
    settings = replace(SMALL, parts=("linear",))
    assert LIKENESS not in choose_parts(training, taste_items(), taste_interactions(), window(own=True, new=True), settings)[0]


def test_where_none_is_asked_for_the_score_is_that_of_the_towers(training: EnsembleTraining) -> None:
    settings = replace(SMALL, parts=())
    chosen, vectors = choose_parts(training, taste_items(), taste_interactions(), window(own=True, new=True), settings)
    assert chosen == {}
    np.testing.assert_array_equal(vectors, training.item_vectors)
