"""Why a retriever may be no better than popularity: what its training and the window tell, for whoever has to mend it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recsys.evaluation.truth import Truth

THIN = 5.0
"""Wanted events an item, below which ids learn little."""
FLAT = 0.02
"""Share of the first epoch's loss, below which a fall is none."""


def what_to_look_at(truth: Truth, training: Mapping[str, Any], *, ahead: bool) -> Sequence[str]:
    """What speaks for itself, the most telling first; never empty.

    Args:
        truth: The window, and the log before it.
        training: What the retriever's training told of itself: `members`, each with a `history` of epochs, and the `epochs` chosen.
        ahead: Whether the retriever is ahead of popularity, only by less than can be told.
    """
    past, users = truth.past, truth.num_users
    strangers = int(past.without_events(truth.rows).sum())
    items = len(np.unique(past.item_index))
    wanted = int(past.relevant.sum())
    found = []
    if ahead:
        found.append(f"{users:,} users are judged, too few to tell so small a lead: an earlier [cuts] validation judges more")
    if strangers > users / 2:
        found.append(f"{strangers:,} of {users:,} judged users had done nothing before the window: popularity is all there is to tell them")
    if wanted < THIN * items:
        found.append(f"{wanted:,} wanted events on {items:,} items are few to learn from: is all that counts in [relevance] events?")
    for member, epoch in zip(training["members"], training["epochs"], strict=True):
        history = member["history"]
        first, chosen = history[0]["loss"], history[epoch - 1]["loss"]
        if epoch > 1 and chosen > first * (1 - FLAT):
            found.append(
                f"the loss went from {first:.2f} to {chosen:.2f} only: the log has hardly a pattern, or learning_rate does not fit it"
            )
            break
        recalls = [each["recall_at_100"] for each in history]
        if epoch == len(history) > 1 and recalls[-1] == max(recalls):
            found.append(f"the last epoch, {epoch}, was the best: more [retriever] epochs may be better")
            break
    return found or ["what [relevance] events counts as wanted, the cuts, and `vitrine tune`, which searches settings for this log"]
