"""The classic models, each at its best on the validation window."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.evaluation.config import SASREC, EvaluationConfig
from recsys.evaluation.truth import Truth
from recsys.evaluation.tuning import Choice, choose
from recsys.models.baselines.build import build_baseline
from recsys.models.baselines.content_knn import NoContentError
from recsys.models.baselines.ease import CatalogueTooLargeError
from recsys.models.scorer import Scorer


@dataclass(frozen=True)
class JudgedBaselines:
    """Baselines that could be built, and why others could not."""

    chosen: tuple[Choice, ...]
    skipped: dict[str, str]
    """Name -> reason; the report shows both."""


def judge_baselines(past: Interactions, items: Items, truth: Truth, config: EvaluationConfig) -> JudgedBaselines:
    """Build every baseline of the config that needs no training of its own on the past, choose its setting on the truth and judge it.

    Raises:
        ValueError: A baseline is not known, or a setting cannot be used.
    """
    settings: dict[str, tuple[float | None, ...]] = {
        "ease": config.ease_strengths,
        "ials": config.ials_strengths,
        "item_knn": config.item_knn_neighbours,
        "recent_popularity": config.recent_days,
    }
    chosen, skipped = [], {}
    for name in (name for name in config.baselines if name != SASREC):
        build: Callable[[float | None], Scorer] = partial(_build, name, past, items)
        try:
            chosen.append(choose(build, settings.get(name, (None,)), truth))
        except (CatalogueTooLargeError, NoContentError) as reason:
            skipped[name] = str(reason)
    return JudgedBaselines(tuple(chosen), skipped)


def _build(name: str, past: Interactions, items: Items, strength: float | None) -> Scorer:
    return build_baseline(name, past, items, strength=strength)
