"""Which further parts a trained retriever's score gets, and what they count, by what users chose."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from pipelines.choosing_truth import judge_choice
from recsys.data.interactions import Interactions
from recsys.data.item_to_item import LIKENESS
from recsys.data.items import Items
from recsys.data.tensors import item_batch
from recsys.evaluation.truth import Truth
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower_scorer import TwoTowerScorer
from recsys.training.config import RetrieverConfig
from recsys.training.ensemble import EnsembleTraining
from recsys.training.inputs import known_values
from recsys.training.part_weights import level_weight, weights_of
from recsys.training.parts import fit_parts, give_parts
from recsys.training.worth import best_unless_first_is_as_good, worth_of_each

USERS, ITEMS = 1000, 2000
"""So many, at most, tell how far scores spread."""


def choose_parts(
    training: EnsembleTraining, items: Items, past: Interactions, truth: Truth, config: RetrieverConfig
) -> tuple[dict[str, float], npt.NDArray[np.float32]]:
    """Choose one after another of `config.parts`, and give the trained model those that should count.

    Where none of the users has a history nothing tells how far towers and parts spread scores, and there are no parts.

    Args:
        training: Its model gets the parts.
        items: The catalogue.
        past: What it has learned from.
        truth: By whom it is chosen.
        config: Settings of the training.

    Returns:
        Part -> its weight, and the item vectors with the coordinates of these parts.
    """
    model, seed = training.model, config.seed
    fitted = fit_parts(model, items, past, names=config.parts, seed=seed)
    vectors = give_parts(model, training.item_vectors, fitted, dict.fromkeys(config.parts, 1.0))
    if not fitted:
        return {}, vectors
    places, towers = model.places, model.towers
    users = TwoTowerScorer(model, vectors, config.history_length, known_values(past, config)).for_users(truth.past, truth.rows)
    chosen: dict[str, float] = {}

    def judge(weights: Mapping[str, float]) -> dict[str, npt.NDArray[np.float64]]:
        weighed = users
        for part, place in places.items():
            weighed = weighed.scaling(place, weights.get(part, 0.0))
        return judge_choice(weighed, truth)

    asking = _drawn(np.arange(len(truth.rows)), USERS, seed=seed)
    asked, candidates = users.user_vectors[asking], _drawn(np.flatnonzero(truth.candidates), ITEMS, seed=seed)
    seen = truth.past.asked(truth.rows[asking]).seen()[:, candidates].toarray() > 0
    for part, place in places.items():
        scored, left_out = (_as_new(model, items, seed=seed), None) if part == LIKENESS else (vectors[candidates], seen)
        unit = level_weight(asked[:, towers] @ scored[:, towers].T, asked[:, place] @ scored[:, place].T, left_out=left_out)
        weights = weights_of(part, unit=unit)
        worth = worth_of_each([judge({**chosen, part: weight}) for weight in weights])
        chosen[part] = weights[best_unless_first_is_as_good(worth)]
    counting = {part: weight for part, weight in chosen.items() if weight}
    return counting, give_parts(model, training.item_vectors, fitted, counting)


def _as_new(model: Ensemble, items: Items, *, seed: int) -> npt.NDArray[np.float32]:
    """Vectors of some items that have content, as if nobody had met them."""
    tower = model.members[0].item_tower
    told = np.any([items.presence[name] for name in tower.prepared_dims], axis=0)
    rows = torch.from_numpy(_drawn(np.flatnonzero(told), ITEMS, seed=seed))
    batch = item_batch(items, has_id=np.zeros(len(items), bool), modalities=tower.modalities)
    with torch.inference_mode():
        return model.new_item_vectors(batch.select(rows)).numpy()


def _drawn(rows: npt.NDArray[np.int64], most: int, *, seed: int) -> npt.NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).choice(rows, min(most, len(rows)), replace=False))
