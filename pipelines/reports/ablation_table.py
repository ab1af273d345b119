"""An ablation for the terminal: a table, and in words which parts help."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from recsys.evaluation.gates import slice_column
from recsys.evaluation.slices import NEW_ITEMS

TITLES = {"ndcg@10": "NDCG@10", "recall@100": "Recall@100", slice_column(NEW_ITEMS): "Recall@100 of new items"}
PARTS_OF = {"better": "helps", "worse": "costs", "unclear": "unclear"}
"""What the full model is beside a variant -> what then holds for the part that the variant lacks."""


def ablation_table(report: Mapping[str, Any]) -> Table:
    """Under each metric the retriever and its variants, and how far the full one is ahead of each."""
    seeds = len(report["seeds"])
    table = Table(
        "retriever",
        "mean",
        "full is ahead by [95 %]",
        "full is",
        title=f"validation, {report['users']:,} users, items new to the user, {seeds} seed{'s' * (seeds > 1)}",
    )
    for metric, full in report["metrics"]["full"].items():
        table.add_section()
        table.add_row(f"[bold]{TITLES[metric]}[/bold]")
        table.add_row("full", f"{full[0]:.4f}")
        for entry in _comparisons(report, metric):
            name, difference = entry["second"], entry["difference"]
            ahead = "{mean:+.4f} [{low:+.4f}, {high:+.4f}]".format(**difference)
            table.add_row(name, f"{report['metrics'][name][metric][0]:.4f}", ahead, _verdict(difference))
    return table


def verdicts(report: Mapping[str, Any]) -> Iterator[str]:
    """One line per metric that says which parts help, which cost, and of which that is unclear; then what this run cannot say."""
    parts = {variant["name"]: variant["part"] for variant in report["variants"]}
    for metric in report["metrics"]["full"]:
        found: dict[str, list[str]] = {verdict: [] for verdict in PARTS_OF.values()}
        for entry in _comparisons(report, metric):
            found[PARTS_OF[_verdict(entry["difference"])]].append(parts[entry["second"]])
        yield f"{TITLES[metric]}: " + "; ".join(f"{verdict}: {', '.join(named)}" for verdict, named in found.items() if named)
    yield "Unclear: with and without it cannot be told apart; the interval of the difference over users holds 0."
    if not report["new_item_choices"]:
        yield "Nobody in the window chose an item without events before it: what content does for new items is not seen here."
    if len(report["seeds"]) == 1:
        yield "Intervals are over users; what another seed of the training would change is not in them: --seeds 3."


def _comparisons(report: Mapping[str, Any], metric: str) -> list[Mapping[str, Any]]:
    return [entry for entry in report["comparisons"] if entry["metric"] == metric]


def _verdict(difference: Mapping[str, float]) -> str:
    return "better" if difference["low"] > 0 else "worse" if difference["high"] < 0 else "unclear"
