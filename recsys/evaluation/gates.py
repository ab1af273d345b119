"""May a challenger be served? Each gate says what was found, what was allowed and by how much it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.evaluation.bootstrap import holm, paired_difference
from recsys.evaluation.config import GateConfig
from recsys.evaluation.slices import NEW_ITEMS, NO_IMAGE

PerUser = Mapping[str, npt.NDArray[np.float64]]
"""Metric -> (users,), the same users for all models; slices as `recall@100 | <slice>`; NaN where a user does not count."""


@dataclass(frozen=True)
class Gate:
    """One question and its answer."""

    name: str
    passed: bool
    found: float
    """NaN where there was nothing to measure; the gate then passes and its message says so."""
    allowed: float
    message: str


@dataclass(frozen=True)
class Claim:
    """A model of the challenger and the metric it answers for: the retriever for Recall@100, the final slate for NDCG@10."""

    model: str
    metric: str


def check_gates(
    judged: Mapping[str, PerUser],
    *,
    claims: Sequence[Claim],
    champion: Mapping[str, PerUser] | None,
    index_recall: float,
    config: GateConfig,
    resamples: int,
    seed: int,
) -> list[Gate]:
    """Hold the challenger against baselines, champion and index.

    Args:
        judged: Model -> values, of the challenger's models and the baselines.
        claims: What the challenger is to be good at.
        champion: Model -> values of the champion's twin, trained to the same cut and judged on the same users; None: there is none.
        index_recall: Recall@100 of the index against exact search.
        config: What is allowed.
        resamples: Draws of the paired bootstrap.
        seed: Of the draws.
    """
    gates = _beats_baselines(judged, claims, config, resamples, seed)
    gates += _keeps_up_with_champion(judged, claims, champion, config, resamples, seed)
    reached = index_recall >= config.min_index_recall
    short = "" if reached else f", {config.min_index_recall - index_recall:.4f} too little; raise the number of probed lists in [index]"
    message = f"the index finds {index_recall:.4f} of the exact 100 best, at least {config.min_index_recall} is wanted{short}"
    return [*gates, Gate("index recall", bool(reached), index_recall, config.min_index_recall, message)]


def _beats_baselines(judged: Mapping[str, PerUser], claims: Sequence[Claim], config: GateConfig, resamples: int, seed: int) -> list[Gate]:
    wanted = {"popularity": config.beats_popularity, "item_knn": config.beats_item_knn}
    pairs = [(claim, baseline) for claim in claims for baseline, asked in wanted.items() if asked and baseline in judged]
    differences = [
        paired_difference(judged[claim.model][claim.metric], judged[baseline][claim.metric], resamples=resamples, seed=seed)
        for claim, baseline in pairs
    ]
    corrected = holm(np.array([difference.p_value for difference in differences]))
    gates = []
    for (claim, baseline), difference, p_value in zip(pairs, differences, corrected, strict=True):
        passed = difference.mean > 0 and p_value < config.significance
        message = (
            f"{claim.model} - {baseline} in {claim.metric}: {difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}], "
            f"p {p_value:.4f} after Holm over {len(pairs)}; wanted above 0 at p < {config.significance}"
        )
        gates.append(Gate(f"{claim.model} beats {baseline}", bool(passed), difference.mean, 0.0, message))
    return gates


def _keeps_up_with_champion(
    judged: Mapping[str, PerUser],
    claims: Sequence[Claim],
    champion: Mapping[str, PerUser] | None,
    config: GateConfig,
    resamples: int,
    seed: int,
) -> list[Gate]:
    questions = [(f"{claim.model} keeps up with the champion", claim.model, claim.metric, config.max_loss_to_champion) for claim in claims]
    for model in dict.fromkeys(claim.model for claim in claims):
        questions.append((f"{model} keeps new items", model, slice_column(NEW_ITEMS), config.max_new_item_loss))
        questions.append((f"{model} keeps items without photo", model, slice_column(NO_IMAGE), config.max_missing_image_loss))
    gates = []
    for name, model, metric, allowed in questions:
        if champion is None or model not in champion:
            gates.append(Gate(name, True, float("nan"), -allowed, "there is no champion with other settings to compare with"))
            continue
        mine, theirs = judged[model].get(metric), champion[model].get(metric)
        if mine is None or theirs is None or np.isnan(mine - theirs).all():
            gates.append(Gate(name, True, float("nan"), -allowed, f"nobody chose such an item in the window: {metric} has no user"))
            continue
        difference = paired_difference(mine, theirs, resamples=resamples, seed=seed)
        passed = difference.high >= -allowed
        excess = "" if passed else f", {-allowed - difference.high:.4f} too much"
        message = (
            f"challenger - champion in {metric}: {difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]; "
            f"the upper end must reach {-allowed:+.4f}{excess}"
        )
        gates.append(Gate(name, bool(passed), difference.mean, -allowed, message))
    return gates


def slice_column(name: str, metric: str = "recall@100") -> str:
    """Name under which a slice's values stand beside the other metrics of a model."""
    return f"{metric} | {name}"
