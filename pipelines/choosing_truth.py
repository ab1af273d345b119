"""By what a night chooses epochs, reading and prior: the choices of the validation window, or, where they are few, everybody's last one."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.evaluation.last_choice import evenly_spread, part_last_choice
from recsys.evaluation.truth import Truth, build_truth

WINDOW = "the window"
LAST_CHOICES = "last choices"

MOST_JUDGED_USERS = 5000
"""Users of the window that are asked; more would only cost time."""
FEWEST_JUDGED_USERS = 300
"""Fewer say too little: the Recall@100 of 300 users has a standard error of about .025, more than most epochs and priors differ by."""
MOST_HELD_OUT = 1000
"""Users whose last choice is held out; what is held out is not learned from."""


def choosing_truth(past: Interactions, window: Interactions, *, candidates: npt.NDArray[np.bool_]) -> tuple[Truth, str]:
    """What to choose by, and what that is called; its past is what may be learned from meanwhile.

    Args:
        past: Everything known at the cut.
        window: What happened between the cut and the next one.
        candidates: (items,) available at the cut.

    Raises:
        ValueError: Nobody chose any candidate, neither in the window nor before.
    """
    wanting = np.unique(window.user_row[window.relevant])
    if len(wanting) < FEWEST_JUDGED_USERS:
        rest, choices = part_last_choice(past, most_users=MOST_HELD_OUT)
        if len(choices.item_index) > len(wanting):
            return build_truth(rest, choices, candidates=candidates), LAST_CHOICES
    asked = window.keep(np.isin(window.user_row, evenly_spread(wanting, MOST_JUDGED_USERS)))
    return build_truth(past, asked, candidates=candidates), WINDOW
