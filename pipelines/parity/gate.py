"""Parity among the gates of the night."""

from collections.abc import Mapping
from typing import Any

from recsys.evaluation.gates import Gate


def nothing_compared(why: str) -> dict[str, Any]:
    """Facts of the table `parity` where no sampled answer was made again."""
    return {"rows": 0, "why": why}


def parity_gate(facts: Mapping[str, Any]) -> Gate:
    """Passes where what was served is what raw events say; names the features that are not.

    Args:
        facts: Of the table `parity`.
    """
    if not facts["rows"]:
        return Gate("parity", True, float("nan"), 0.0, f"no sampled answer was made again: {facts['why']}")
    broken = broken_features(facts)
    newest = facts["newest"][:16].replace("T", " ")
    told = f"{facts['rows']:,} sampled answers of release {facts['release_id']} until {newest} UTC were made again"
    if facts["why"]:
        told += f" by an earlier night (tonight: {facts['why']})"
    if not broken:
        return Gate("parity", True, 0.0, 0.0, f"{told}: no feature differs by more than {facts['tolerance']:g}")
    named = ", ".join(f"{entry['name']} (by up to {entry['absolute']:.2g} in {entry['requests']:,} of them)" for entry in broken[:5])
    named += f" and {len(broken) - 5} more" if len(broken) > 5 else ""
    message = (
        f"{told}, and what was served is not what raw events say of {named}; {facts['tolerance']:g} is allowed. "
        "`vitrine parity` shows all. Mend what serves and let it answer with --sample-requests before the next night"
    )
    return Gate("parity", False, float(len(broken)), 0.0, message)


def broken_features(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Features that differ, those in most requests first."""
    broken = [entry for entry in facts["features"] if entry["requests"]]
    return sorted(broken, key=lambda entry: (-entry["requests"], -entry["absolute"]))
