"""Means with their intervals for every model, scope and slice, ready to be written as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recsys.data.items import Items
from recsys.evaluation.beyond_accuracy import beyond_accuracy
from recsys.evaluation.bootstrap import intervals, resampled_means
from recsys.evaluation.gates import PerUser, slice_column
from recsys.evaluation.judge import Judgement
from recsys.evaluation.slices import Slice
from recsys.evaluation.truth import SCOPES, Truth

SLICE_METRICS = ("recall@100", "ndcg@10")


def summarise(
    judgements: Sequence[Judgement],
    judged: Mapping[str, PerUser],
    truth: Truth,
    slices: Sequence[Slice],
    items: Items,
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Model -> {"new", "all": metric -> [mean, low, high], "slices": name -> metric -> [...], "beyond_accuracy": name -> value}.

    All columns share one draw of the users, so what two models differ by can be read off the same resamples.
    """
    places: list[tuple[str, str, str, str]] = []  # model, part, slice, metric
    columns = []
    for judgement in judgements:
        for scope in SCOPES:
            for metric, values in judgement.metrics[scope].items():
                places.append((judgement.name, scope, "", metric))
                columns.append(values)
        for part in slices:
            for metric in SLICE_METRICS:
                places.append((judgement.name, "slices", part.name, metric))
                columns.append(judged[judgement.name][slice_column(part.name, metric)])
    table = np.stack(columns, axis=1)
    found = intervals(table, resampled_means(table, resamples=resamples, seed=seed))
    summary: dict[str, Any] = {
        judgement.name: {"new": {}, "all": {}, "slices": {part.name: {} for part in slices}} for judgement in judgements
    }
    for (model, part_name, slice_name, metric), interval in zip(places, found, strict=True):
        target = summary[model][part_name]
        (target[slice_name] if slice_name else target)[metric] = [interval.mean, interval.low, interval.high]
    for judgement in judgements:
        summary[judgement.name]["beyond_accuracy"] = dict(beyond_accuracy(judgement.lists["new"], truth, items))
    return summary
