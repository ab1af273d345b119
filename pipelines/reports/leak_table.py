"""The leak audit for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table


def leak_table(answers: Sequence[Mapping[str, Any]]) -> Table:
    """Who was asked, as of when, what came out and how long it took; leaks in words stand below the table."""
    table = Table("asked", "must see nothing from (UTC)", "answer", "seconds", title="leak audit")
    for answer in answers:
        verdict = "[red]LEAK[/red]" if answer["leak"] else "[yellow]not asked[/yellow]" if answer["unasked"] else "[green]ok[/green]"
        limit = f"{answer['as_of']:<10} {answer['moment'][:16].replace('T', ' ')}"
        table.add_row(answer["probe"], limit, verdict, f"{answer['seconds']:.2f}")
    return table


def leak_lines(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each leak, and each question that could not be asked, in a line of markup."""
    leaks = [
        f"[red]LEAK[/red] {answer['probe']} saw what nobody could know at {answer['as_of']}: {escape(answer['leak'])}"
        for answer in answers
        if answer["leak"]
    ]
    unasked = [f"not asked: {answer['probe']} at {answer['as_of']}: {escape(answer['unasked'])}" for answer in answers if answer["unasked"]]
    return leaks + unasked
