"""By what a night chooses: the choices of the validation window, or everybody's last one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.config import ChooseBy
from recsys.data.interactions import Interactions
from recsys.data.passed_over import PassedOver
from recsys.evaluation.judge import per_user
from recsys.evaluation.last_choice import part_last_choice
from recsys.evaluation.top_k import top_k
from recsys.evaluation.truth import Truth, build_truth
from recsys.models.scorer import Scorer

MOST_JUDGED_USERS = 5000
"""Users of the window that are asked; more would only cost time."""
FEWEST_JUDGED_USERS = 300
"""Fewer say too little of epochs: the Recall@100 of 300 users has a standard error of about .025, more than most epochs differ by."""
MOST_HELD_OUT = 1000
"""Users whose last choice is held out; what is held out is not learned from."""


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """What a training is chosen by."""

    epochs: Truth
    """Its past is what may be learned from."""
    question: Truth
    """By whom it is chosen how histories are read and how much the popularity prior counts: when it is asked matters to both."""
    told: str
    """What `epochs` is: `window` or `last_choices`."""
    passed_over: PassedOver | None = None
    """What users were shown and did nothing with before the window, where it is learned from."""

    @staticmethod
    def by_window(truth: Truth, *, passed_over: PassedOver | None = None) -> "Choosing":
        """All of it by the choices of a window."""
        return Choosing(epochs=truth, question=truth, told="window", passed_over=passed_over)


def open_choosing(
    past: Interactions,
    window: Interactions,
    *,
    candidates: npt.NDArray[np.bool_],
    choose_by: ChooseBy,
    passed_over: PassedOver | None = None,
) -> Choosing:
    """Truths of a window.

    Args:
        past: Everything known at the cut.
        window: What happened between the cut and the next one.
        candidates: (items,) available at the cut.
        choose_by: See `CutsConfig`.
        passed_over: See `Choosing`.

    Raises:
        ValueError: Nobody chose any candidate, neither in the window nor, where last choices are asked for, before.
    """
    wanting = np.unique(window.user_row[window.relevant])
    if choose_by == "window" or (choose_by == "auto" and len(wanting) >= FEWEST_JUDGED_USERS):
        return Choosing.by_window(_of_window(past, window, candidates), passed_over=passed_over)
    rest, choices = part_last_choice(past, most_users=MOST_HELD_OUT)
    if choose_by == "auto" and len(choices.item_index) <= len(wanting):
        return Choosing.by_window(_of_window(past, window, candidates), passed_over=passed_over)
    last = build_truth(rest, choices, candidates=candidates)
    question = last if choose_by == "last_choices" else _asked_in(past, window, candidates) or last
    return Choosing(epochs=last, question=question, told="last_choices")


def _asked_in(past: Interactions, window: Interactions, candidates: npt.NDArray[np.bool_]) -> Truth | None:
    """The truth of a thin window; None where nobody in it chose a candidate that was new to them."""
    try:
        truth = _of_window(past, window, candidates)
    except ValueError:
        return None
    return truth if len(truth.chosen["new"].user) else None


def _of_window(past: Interactions, window: Interactions, candidates: npt.NDArray[np.bool_]) -> Truth:
    return build_truth(past, window, candidates=candidates, most_users=MOST_JUDGED_USERS)


def judge_choice(scorer: Scorer, truth: Truth) -> dict[str, npt.NDArray[np.float64]]:
    """(users,) of each metric that something is chosen by."""
    lists = top_k(scorer, truth.past, truth.rows, candidates=truth.candidates, k=100, exclude_seen=True)[0]
    values = per_user(lists, truth.chosen["new"])
    return {name: values[name] for name in ("recall@100", "ndcg@10")}
