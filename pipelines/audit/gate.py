"""The leak audit among the gates of the night."""

from collections.abc import Mapping
from typing import Any

from recsys.evaluation.gates import Gate


def leak_gate(facts: Mapping[str, Any]) -> Gate:
    """Passes where nothing was seen; names who saw the future, and who could not be asked.

    Args:
        facts: Of the table `leak_audit`.
    """
    leaks, unasked = facts["leaks"], facts["unasked"]
    told = [f"{len(leaks)} of {facts['rows']} answers are leaks"]
    if leaks:
        told.append(f"{', '.join(leaks)} saw what nobody could know by then; `vitrine audit leak` shows what")
    if unasked:
        told.append(f"could not be asked of a small copy of this shop: {', '.join(unasked)}")
    return Gate("leak_audit", not leaks, float(len(leaks)), 0.0, "; ".join(told))
