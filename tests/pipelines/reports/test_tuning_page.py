"""A search in a table, in a sentence and on a page."""

import io
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from rich.console import Console

from pipelines.reports.tuning_page import render_tuning_page
from pipelines.reports.tuning_table import tuning_table, tuning_verdict


def trial(number: int, gain: float | None, **changes: Any) -> dict[str, Any]:
    settings = {"order": "both", "half_life_days": 0.0} | changes
    known = {"recall@100": 0.7, "ndcg@10": 0.1, "epochs": 3} if gain is not None else {"recall@100": None, "ndcg@10": None, "epochs": None}
    state = "judged" if gain is not None else "given up"
    return {"number": number, "state": state, "settings": settings, "changes": changes, "gain": gain, "why": "", **known}


def report(verdict: dict[str, Any] | None, *trials: dict[str, Any]) -> dict[str, Any]:
    return {
        "users": 1200,
        "cuts": {"validation": "2025-01-01T00:00:00", "test": "2025-02-01T00:00:00"},
        "parameters": {
            "order": {"values": ["both", "time"]},
            "half_life_days": {"low": 90, "high": 3000, "log": True, "whole": False, "never": True},
        },
        "trials": list(trials),
        "verdict": verdict,
    }


TRIALS = (trial(0, 0.0), trial(1, 0.02, order="time"), trial(2, None, half_life_days=90.5))
GAIN = {"mean": 0.02, "low": -0.01, "high": 0.05}
FOUND = report({"best": 1, "keeps_base": False, "gain": GAIN}, *TRIALS)
EMPTY = report(None)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (FOUND, "Better than before: trial 2 (order time), by +2.00% [-1.00%, +5.00%]. The next night uses it."),
        (
            report({"best": 1, "keeps_base": True, "gain": GAIN}, *TRIALS),
            "Settings stay as they were before the search: the best, trial 2 (order time), is ahead by +2.00% [-1.00%, +5.00%], "
            "at most one standard error.",
        ),
        (
            report({"best": 0, "keeps_base": True, "gain": GAIN}, *TRIALS),
            "Settings stay as they were before the search: none of 3 trials is better.",
        ),
    ],
    ids=["better", "perhaps better", "best already"],
)
def test_a_verdict_is_one_sentence(found: dict[str, Any], sentence: str) -> None:
    assert tuning_verdict(found) == sentence


def test_without_two_judged_trials_nothing_is_decided() -> None:
    assert tuning_verdict(EMPTY).startswith("Nothing is decided yet")


def test_the_table_says_what_each_trial_did_and_what_became_of_it() -> None:
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(tuning_table(FOUND))
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.export_text().splitlines() if "│" in line]
    assert cells == [
        ["1", "as before the search", "0.7000", "0.1000", "+0.00%", "3"],
        ["2", "order time", "0.7000", "0.1000", "+2.00%", "3"],
        ["3", "half_life_days 90.5", "–", "–", "given up", ""],
    ]


@pytest.mark.parametrize("found", [FOUND, EMPTY], ids=["found", "empty"])
def test_the_page_is_whole_and_needs_nothing_from_outside(found: dict[str, Any]) -> None:
    page = render_tuning_page(found)
    ET.fromstring(page[page.index("<body>") : page.index("</html>")].replace("&nbsp;", " "))
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_page_draws_a_panel_for_each_setting_that_was_searched() -> None:
    page = render_tuning_page(FOUND)
    assert 'aria-label="gain, % by order, half_life_days"' in page
    assert 'aria-label="gain, % by trial"' in page
