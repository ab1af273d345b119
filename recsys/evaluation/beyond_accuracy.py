"""What the first ten of every list look like together: how much of the shop they show, how new, how varied."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recsys.data.items import Items
from recsys.evaluation.truth import Truth
from recsys.metrics.coverage import coverage
from recsys.metrics.gini import gini
from recsys.metrics.intra_list_diversity import intra_list_diversity
from recsys.metrics.new_item_share import new_item_share
from recsys.metrics.novelty import novelty
from recsys.models.baselines.liked import num_likes

TOP = 10
"""Ranks that a shopper is taken to look at."""


def beyond_accuracy(item_index: npt.NDArray[np.int64], truth: Truth, items: Items) -> Mapping[str, float]:
    """Coverage, Gini, novelty (bits), share of new items and, for each modality, intra-list diversity, all of the first ten.

    Args:
        item_index: (users, ranks) of one model, -1 where a list is shorter.
        truth: Candidates and past.
        items: Vectors of the modalities.

    Returns:
        Means over users; NaN where no list has what is measured.
    """
    top = item_index[:, :TOP]
    never_met = np.bincount(truth.past.item_index, minlength=len(items)) == 0
    values = {
        "coverage": coverage(top, truth.candidates),
        "gini": gini(top, truth.candidates),
        "novelty": _mean(novelty(top, num_likes(truth.past))),
        "new_item_share": _mean(new_item_share(top, never_met)),
    }
    for modality in sorted(items.vectors):
        values[f"diversity.{modality}"] = _mean(intra_list_diversity(top, items.vectors[modality], items.presence[modality]))
    return values


def _mean(values: npt.NDArray[np.float64]) -> float:
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if len(counted) else float("nan")
