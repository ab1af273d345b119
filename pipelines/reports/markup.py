"""Small pieces of HTML; every text that comes from outside is escaped here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from pipelines.reports.showcase import Showcase, Tile

NOTHING = "–"


def page(title: str, parts: Iterable[str]) -> str:
    """A whole file that needs nothing else: no script, no font, no picture from anywhere."""
    style = files("pipelines.reports").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{style}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def header(title: str, lead: str, figures: Iterable[tuple[str, str]]) -> str:
    """The top of a page.

    Args:
        title: What the page answers.
        lead: The answer in a sentence or two, as HTML.
        figures: Values and what each is.
    """
    tiles = "".join(f'<div class="figure"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in figures)
    return f'<header><h1>{escape(title)}</h1><p>{lead}</p></header><div class="figures">{tiles}</div>'


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash where nothing was measured."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval(value: Sequence[float | None]) -> str:
    """A mean with its interval below it."""
    mean, low, high = value
    return number(mean) if low is None else f"{number(mean)}<small>{number(low)} – {number(high)}</small>"


def dot(name: str, colours: Mapping[str, int]) -> str:
    """A model's name behind its colour."""
    return f'<span class="dot" style="background: var(--m{colours[name]})"></span>{escape(name)}'


def pill(passed: bool) -> str:
    """Passed or refused."""
    return f'<span class="pill {"pass" if passed else "fail"}">{"passed" if passed else "refused"}</span>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, text: Sequence[int] = (), first: int | None = None) -> str:
    """A table of ready-made cells.

    Args:
        head: Names of the columns.
        rows: Cells, already escaped; a cell that starts with `*` is the best of its column.
        text: Columns that hold sentences.
        first: Row to stress.
    """
    kind = dict.fromkeys(text, ' class="text"')
    cells = "".join(f"<th{kind.get(column, '')}>{escape(name)}</th>" for column, name in enumerate(head))
    lines = []
    for place, row in enumerate(rows):
        line = "".join(
            f'<td class="best">{cell[1:]}</td>' if cell.startswith("*") else f"<td{kind.get(column, '')}>{cell}</td>"
            for column, cell in enumerate(row)
        )
        stress = ' class="first"' if place == first else ""
        lines.append(f"<tr{stress}>{line}</tr>")
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def section(title: str, lead: str, *parts: str) -> str:
    """A card with a heading and a sentence on how to read it."""
    return f"<section><h2>{escape(title)}</h2><p>{escape(lead)}</p>{''.join(parts)}</section>"


def user(showcase: Showcase, number: int) -> str:
    """One user's rows of pictures; a number stands for the id, as reports travel with releases, which hold no user."""
    past = f"{showcase.num_seen} items in the past" if showcase.num_seen else "nothing known: a new user"
    rows = (("Had", showcase.history), ("Offered", showcase.recommended), ("Then chose", showcase.chosen))
    body = "".join(
        f'<div class="row"><span>{name}</span><div class="tiles">{"".join(_tile(tile) for tile in tiles)}</div></div>'
        for name, tiles in rows
        if tiles
    )
    return f'<div class="user"><h3>User {number}</h3><span class="soft">{past}</span>{body}</div>'


def _tile(tile: Tile) -> str:
    photo = f'<img src="{tile.image}" alt="" loading="lazy">' if tile.image else escape(tile.title[:1].upper())
    note = "✓ hit" if tile.hit else tile.note
    title = escape(tile.title)
    marked = " hit" if tile.hit else ""
    return f'<div class="item{marked}" title="{title}"><div class="photo">{photo}</div><p>{title}</p><i>{escape(note)}</i></div>'
