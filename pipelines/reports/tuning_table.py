"""A search for better settings for the terminal: a table of its trials, and in words what came of it."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from pipelines.reports.markup import number
from pipelines.tuning.tuned import listed

AS_BEFORE = "as before the search"


def tuning_table(report: Mapping[str, Any]) -> Table:
    """The finished trials, in their order."""
    title = f"validation, {report['users']:,} users, items new to the user; what differs from the first trial; gain: mean of both, relative"
    table = Table("trial", "settings", "Recall@100", "NDCG@10", "gain", "epoch", title=title)
    for trial in report["trials"]:
        values = [number(trial["recall@100"]), number(trial["ndcg@10"]), gain_of(trial), str(trial["epochs"] or "")]
        table.add_row(str(trial["number"] + 1), escape(changes_of(trial)), *values)
    return table


def tuning_verdict(report: Mapping[str, Any]) -> str:
    """What the search came to, in a sentence or two."""
    verdict, trials = report["verdict"], report["trials"]
    if verdict is None:
        return "Nothing is decided yet: at least two trials must have been judged. The same command goes on from here."
    best = f"trial {verdict['best'] + 1} ({changes_of(trials[verdict['best']])})"
    gain = "{mean:+.2%} [{low:+.2%}, {high:+.2%}]".format(**verdict["gain"])
    if verdict["best"] == 0:
        return f"Settings stay as they were before the search: none of {len(trials)} trials is better."
    if verdict["keeps_base"]:
        return f"Settings stay as they were before the search: the best, {best}, is ahead by {gain}, at most one standard error."
    return f"Better than before: {best}, by {gain}. The next night uses it."


def changes_of(trial: Mapping[str, Any]) -> str:
    """What differs from the first trial, in one line."""
    return listed(trial["changes"]) or AS_BEFORE


def gain_of(trial: Mapping[str, Any]) -> str:
    """The gain of a judged trial; of another what became of it."""
    return trial["state"] if trial["gain"] is None else f"{trial['gain']:+.2%}"
