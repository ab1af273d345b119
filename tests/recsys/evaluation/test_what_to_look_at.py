"""What a retriever that is no better than popularity says of itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from recsys.evaluation.truth import Truth, build_truth
from recsys.evaluation.what_to_look_at import what_to_look_at
from tests.support.behaviour import interactions_of


def trained(losses: Sequence[float], *, recalls: Sequence[float], epoch: int) -> dict[str, Any]:
    history = [{"loss": loss, "recall_at_100": recall} for loss, recall in zip(losses, recalls, strict=True)]
    return {"members": [{"history": history}], "epochs": [epoch]}


FELL = trained([5.0, 3.0, 2.9], recalls=[0.1, 0.2, 0.2], epoch=2)
KNOWN = [(name, item, day + item) for day, name in enumerate(("ann", "bob", "cy", "dee", "eve")) for item in range(2)]


def truth(past: list[Any], choosing: str) -> Truth:
    window = [(name, 2, 20) for name in choosing.split()]
    return build_truth(interactions_of(past, num_items=3), interactions_of(window, num_items=3), candidates=np.ones(3, bool))


def told(found: Truth, training: dict[str, Any] = FELL, *, ahead: bool = False) -> str:
    return " | ".join(what_to_look_at(found, training, ahead=ahead))


def test_where_nothing_strikes_the_settings_are_named() -> None:
    assert told(truth(KNOWN, "ann bob")).startswith("what [relevance] events counts as wanted, the cuts, and `vitrine tune`")


def test_a_lead_that_cannot_be_told_asks_for_more_users() -> None:
    assert "2 users are judged, too few to tell so small a lead" in told(truth(KNOWN, "ann bob"), ahead=True)


def test_a_window_of_strangers_is_told() -> None:
    assert "2 of 3 judged users had done nothing before the window" in told(truth(KNOWN, "ann new other"))


def test_a_log_that_is_too_thin_is_told() -> None:
    assert "2 wanted events on 2 items are few to learn from" in told(truth(KNOWN[:2], "ann"))


def test_a_loss_that_did_not_fall_is_told() -> None:
    flat = trained([5.32, 5.31, 5.33], recalls=[0.1, 0.1, 0.1], epoch=2)
    assert "the loss went from 5.32 to 5.31 only" in told(truth(KNOWN, "ann bob"), flat)


def test_a_training_that_was_still_getting_better_asks_for_more_epochs() -> None:
    assert "the last epoch, 3, was the best" in told(truth(KNOWN, "ann bob"), trained([5.0, 3.0, 2.9], recalls=[0.1, 0.2, 0.3], epoch=3))


def test_a_last_epoch_that_is_only_as_good_asks_for_nothing() -> None:
    assert "the last epoch" not in told(truth(KNOWN, "ann bob"), trained([5.0, 3.0, 2.9], recalls=[0.1, 0.3, 0.29], epoch=3))
