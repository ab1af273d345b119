"""What reads the reviews, and how often it agrees with the stars beside the words."""

from collections.abc import Mapping
from typing import Any

from pipelines.reports.charts import matrix
from pipelines.reports.markup import number, section, table

STARS = tuple(f"{star} ★" for star in range(1, 6))


def reviews_section(facts: Mapping[str, Any] | None) -> str:
    """A card for the evaluation page; empty where no review was read.

    Args:
        facts: Of the table `review_sentiment`; None: they are not at hand.
    """
    if facts is None or facts["reader"] == "none":
        return ""
    learned, judged = facts["learned"], facts["judged"]
    who = (
        f"A small model of the shop's own, learned from {learned['reviews']:,} reviews before {learned['until'][:10]}, reads words"
        if learned
        else f"The model {facts['reader']} reads words"
    )
    lead = f"{who} of {facts['rows']:,} reviews; what they say of an item, smoothed, is one of the ranker's features."
    if judged is None:
        return section("Reviews", f"{lead} No review with stars came in the ranker's window to judge it by.")
    rows = [
        ["as read from the words", number(judged["accuracy"], 3), number(judged["mae"], 3)],
        ["always the same: the commonest, the mean", number(judged["constant_accuracy"], 3), number(judged["constant_mae"], 3)],
    ]
    return section(
        "Reviews",
        f"{lead} It is judged on {judged['reviews']:,} reviews of the ranker's window, which it has not learned from.",
        table(["stars", "share of likeliest stars that are right", "expected stars are off by"], rows),
        "<h3>Stars given, and the likeliest by the words</h3>",
        matrix(judged["confusion"], STARS, rows="given", columns="likeliest"),
    )
