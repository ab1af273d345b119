"""The judged models for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

METRICS = ("recall@100", "ndcg@10", "ndcg@20", "mrr")


def models_table(report: Mapping[str, Any]) -> Table:
    """Each model's means with their intervals."""
    table = Table("model", *METRICS, title=f"{report['phase']}, items new to the user, mean over users [95 % interval]")
    for name, model in report["models"].items():
        table.add_row(name, *("{:.4f} [{:.4f}, {:.4f}]".format(*model["new"][metric]) for metric in METRICS))
    return table
