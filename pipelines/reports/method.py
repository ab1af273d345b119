"""The small print: what was counted, what was left out and how choices were made."""

from collections.abc import Mapping
from html import escape
from typing import Any

from pipelines.reports.markup import section


def method(report: Mapping[str, Any]) -> str:
    """The last card of the page."""
    counts, bootstrap = report["counts"], report["bootstrap"]
    tuned = "; ".join(
        f"{name}: " + ", ".join(f"{trial['strength']:g} → {trial['value']:.4f}" for trial in trials)
        for name, trials in report["tuning"].items()
    )
    lines = [
        f"{counts['users']:,} users chose at least one candidate in the window; {counts['users_without_past']:,} of them had no past "
        f"and stay in. {counts['users_new']:,} chose something new to them.",
        f"{counts['unasked_users']:,} others who chose anything were not asked; [evaluation] most_users says how many are.",
        f"{counts['pairs']['new']:,} new choices count. {counts['unavailable_pairs']['new']:,} more were of items that were not on sale "
        f"at the cut: no list could hold them, so the ideal leaves them out; {counts['lost_users']:,} users chose nothing else.",
        "Every candidate is ranked for every user on exact scores; nothing is sampled. Of equal scores the item listed first in the "
        "catalogue wins.",
        f"{counts['tied_share']:.1%} of the window's events share user and time with another; their order is the log's.",
        f"Intervals: {bootstrap['resamples']:,} resamples of the users, the same draw for all models, seed {bootstrap['seed']}.",
        f"The one number of a baseline that has one was chosen on this window by NDCG@10 ({tuned or 'none had any'}), with the same number "
        "of tries for each unless the config says otherwise. The night's own models chose their epochs on it too, so all of these look "
        "slightly better here than on the test window.",
        *(f"{name} was left out: {reason}" for name, reason in report["skipped"].items()),
    ]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return section("How this was measured", "Definitions are in docs/evaluation.md.", f"<ul>{items}</ul>")
