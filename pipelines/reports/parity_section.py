"""What the champion served, held against the same made again from raw events."""

from collections.abc import Mapping
from html import escape
from typing import Any

from pipelines.reports.markup import section, table


def parity_section(facts: Mapping[str, Any] | None) -> str:
    """A card for the evaluation page; empty where no sampled answer was made again.

    Args:
        facts: Of the table `parity`; None: they are not at hand.
    """
    if facts is None or not facts["rows"]:
        return ""
    rows = [
        [
            escape(entry["name"]),
            f"{entry['absolute']:.2e}",
            f"{entry['relative']:.2e}",
            f"{entry['requests']:,}",
            f"release: {escape(entry['taken'])}" if entry["taken"] else "raw events",
        ]
        for entry in sorted(facts["features"], key=lambda entry: (-entry["requests"], -entry["absolute"]))
    ]
    newest = facts["newest"][:16].replace("T", " ")
    left_out = "".join(f" {count:,} were left out: {escape(why)}." for why, count in facts["left_out"].items())
    lead = (
        f"{facts['rows']:,} answers of the champion {escape(facts['release_id'])}, the newest of {newest} UTC, were "
        f"made again from raw events by plain loops. Of the {facts['k']} best by its ranker {facts['overlap']:.2%} stay, "
        f"{facts['lowest_overlap']:.2%} in the worst answer.{left_out}"
    )
    head = ["feature", "largest difference", "relative", f"answers beyond {facts['tolerance']:g}", "made again from"]
    return section("Served and made again", lead, table(head, rows, text=(4,)))
