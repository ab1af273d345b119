import io

import pytest
from rich.console import Console

from pipelines.reports.ablation_table import ablation_table, verdicts


def told(*differences: tuple[str, float, float], seeds: int = 1, new_item_choices: int = 5) -> dict[str, object]:
    """A report of NDCG@10 whose variants lack a part each: (part, low, high)."""
    return {
        "users": 1200,
        "seeds": list(range(seeds)),
        "new_item_choices": new_item_choices,
        "variants": [{"key": part, "name": f"without {part}", "part": part} for part, _, _ in differences],
        "metrics": {"full": {"ndcg@10": [0.2, 0.19, 0.21]}}
        | {f"without {part}": {"ndcg@10": [0.1, 0.09, 0.11]} for part, _, _ in differences},
        "comparisons": [
            {
                "first": "full",
                "second": f"without {part}",
                "metric": "ndcg@10",
                "difference": {"mean": (low + high) / 2, "low": low, "high": high},
            }
            for part, low, high in differences
        ],
    }


REPORT = told(("text", 0.01, 0.03), ("image", -0.03, -0.01), ("category", -0.01, 0.01), ("history", 0.0, 0.02))


def test_a_part_helps_if_the_full_model_is_ahead_costs_if_behind_and_else_it_is_unclear() -> None:
    assert next(verdicts(REPORT)) == "NDCG@10: helps: text; costs: image; unclear: category, history"


@pytest.mark.parametrize(
    ("changes", "line"),
    [({"seeds": 1}, "what another seed of the training would change"), ({"new_item_choices": 0}, "Nobody in the window chose")],
    ids=["one seed", "no new items"],
)
def test_what_a_run_cannot_say_is_said(changes: dict[str, int], line: str) -> None:
    sure = {"seeds": 3, "new_item_choices": 5}
    assert line in "\n".join(verdicts(told(("text", 0.01, 0.02), **(sure | changes))))
    assert line not in "\n".join(verdicts(told(("text", 0.01, 0.02), **sure)))


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(ablation_table(REPORT))
    row = next(line for line in console.export_text().splitlines() if "without text" in line)
    assert "+0.0200 [+0.0100, +0.0300]" in row
    assert "better" in row
