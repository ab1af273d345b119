"""Plots as inline SVG whose colours are CSS variables, so that one picture reads in light and in dark."""

import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT = "#010203", "#040506"
"""Stand-ins, replaced by `var(--ink)` and `var(--line)` in the finished SVG."""
COLOURS = tuple(f"#0a0b{index:02x}" for index in range(8))
"""Stand-ins for `var(--m0)` to `var(--m7)`."""
STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.fonttype": "none",
    "svg.hashsalt": "vitrine",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}

Interval = Sequence[float | None]
"""Mean, low, high; None where nothing could be measured."""


def forest(panels: Mapping[str, Mapping[str, Interval]], colours: Mapping[str, int]) -> str:
    """Means with their 95 % intervals, one panel per metric, one line per model.

    Args:
        panels: Metric -> model -> interval.
        colours: Model -> number of its colour.
    """
    models = list(colours)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.9 + 0.36 * len(models)), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (metric, values) in zip(axes, panels.items(), strict=True):
            for place, model in enumerate(models):
                mean, low, high = values[model]
                if mean is None or low is None or high is None:
                    continue
                colour = COLOURS[colours[model]]
                axis.plot([low, high], [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
                axis.plot([mean], [place], "o", color=colour, markersize=7)
            _tidy(axis, metric)
            axis.set_yticks(range(len(models)), models)
            axis.set_ylim(len(models) - 0.5, -0.5)
        return _svg(figure, f"Means and 95 % intervals of {', '.join(panels)} for {', '.join(models)}")


def curves(values: Mapping[str, Mapping[int, Interval]], colours: Mapping[str, int], *, label: str) -> str:
    """A metric against k, one line per model with its interval as a band.

    Args:
        values: Model -> k -> interval.
        colours: Model -> number of its colour.
        label: Of the vertical axis.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.6), layout="constrained")
        axis = figure.subplots()
        for model, points in values.items():
            colour = COLOURS[colours[model]]
            ks, means, lows, highs = _measured(points)
            axis.fill_between(ks, lows, highs, color=colour, alpha=0.13, linewidth=0)
            axis.plot(ks, means, "o-", color=colour, label=model, linewidth=2, markersize=4.5)
        axis.set_xticks(sorted({k for points in values.values() for k in points}))
        axis.set_xlabel("k")
        axis.set_ylim(bottom=0)
        _tidy(axis, "")
        axis.set_ylabel(label)
        axis.grid(axis="y", linewidth=0.6)
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return _svg(figure, f"{label} by k for {', '.join(values)}")


def bars(groups: Sequence[str], values: Mapping[str, Sequence[Interval]], colours: Mapping[str, int], *, label: str) -> str:
    """Grouped bars with intervals.

    Args:
        groups: Names along the axis.
        values: Model -> one interval per group.
        colours: Model -> number of its colour.
        label: Of the value axis.
    """
    width = 0.8 / max(1, len(values))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.4), layout="constrained")
        axis = figure.subplots()
        for offset, (model, intervals) in enumerate(values.items()):
            places, means, lows, highs = _measured(dict(enumerate(intervals)))
            at = [place - 0.4 + width * (offset + 0.5) for place in places]
            axis.bar(at, means, width * 0.86, color=COLOURS[colours[model]], label=model)
            axis.vlines(at, lows, highs, color=INK, linewidth=1)
        axis.set_xticks(range(len(groups)), groups)
        _tidy(axis, "")
        axis.set_ylabel(label)
        axis.grid(axis="y", linewidth=0.6)
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return _svg(figure, f"{label} of {', '.join(values)} by {', '.join(groups)}")


def days(panels: Mapping[str, Mapping[str, float]], *, since: str, label: str, columns: int) -> str:
    """A number for each day, one panel beside the other with an axis of its own.

    Args:
        panels: Title -> ISO day -> number, in order of days.
        since: The first day that stands out.
        label: Of the vertical axes.
        columns: Panels side by side.
    """
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 2.2 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for (title, values), axis in zip(panels.items(), axes, strict=False):
            names = list(values)
            axis.bar(range(len(names)), list(values.values()), 0.8, color=[COLOURS[0] if name >= since else COLOURS[1] for name in names])
            shown = sorted({0, len(names) - 1})
            axis.set_xticks(shown, [names[place][5:] for place in shown])
            axis.set_ylim(bottom=0)
            _tidy(axis, title)
            axis.grid(axis="y", linewidth=0.6)
        _finish(figure, axes, label)
        return _svg(figure, f"{label} by day for {', '.join(panels)}")


@dataclass(frozen=True, kw_only=True)
class Dots:
    """One panel of `scatter`."""

    places: Sequence[float]
    """Along the axis."""
    values: Sequence[float]
    ticks: Mapping[float, str] = field(default_factory=dict)
    """What stands below which place; empty: round numbers."""
    log: bool = False
    """Whether the same factor is the same distance along the axis."""
    best_so_far: bool = False
    """Whether a line shows the highest value up to each place."""


def scatter(panels: Mapping[str, Dots], stressed: Collection[int], *, label: str, columns: int) -> str:
    """Values by place, one panel beside the other.

    Args:
        panels: Title -> dots; all panels show the same things in the same order.
        stressed: Which of them stand out.
        label: Of the vertical axes.
        columns: Panels side by side.
    """
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 2.7 * rows if columns > 1 else 3.2), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
        for (title, dots), axis in zip(panels.items(), axes, strict=False):
            colours = [COLOURS[0] if number in stressed else COLOURS[1] for number in range(len(dots.places))]
            axis.scatter(dots.places, dots.values, c=colours, s=26, alpha=0.85, linewidths=0)
            if dots.best_so_far:
                axis.plot(dots.places, list(accumulate(dots.values, max)), color=COLOURS[5], drawstyle="steps-post", zorder=0)
            if dots.log:
                axis.set_xscale("log")
                axis.minorticks_off()
            if dots.ticks:
                axis.set_xticks(list(dots.ticks), list(dots.ticks.values()))
            axis.margins(x=0.1)
            _tidy(axis, title)
            axis.grid(axis="y", linewidth=0.6)
        _finish(figure, axes, label)
        return _svg(figure, f"{label} by {', '.join(panels)}")


def matrix(counts: Sequence[Sequence[int]], names: Sequence[str], *, rows: str, columns: str) -> str:
    """How often what was one thing was taken for another; the darker a cell, the greater its share of the row.

    Args:
        counts: A row per true name, a column per guessed one.
        names: Of both.
        rows: What stands in rows.
        columns: What stands in columns.
    """
    places = range(len(names))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.4), layout="constrained")
        axis = figure.subplots()
        for row, values in enumerate(counts):
            for column, count in enumerate(values):
                share = count / (sum(values) or 1)
                axis.barh(row, 0.96, 0.92, left=column - 0.48, color=COLOURS[0], alpha=0.75 * share)
                axis.text(column, row, f"{count:,}", ha="center", va="center")
        axis.set_xticks(places, names)
        axis.set_yticks(places, names)
        axis.set_xlim(-0.5, len(names) - 0.5)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_xlabel(columns)
        axis.set_ylabel(rows)
        _tidy(axis, "")
        return _svg(figure, f"{rows} against {columns}, each {', '.join(names)}")


def _finish(figure: Figure, left: Iterable["Axes"], label: str) -> None:
    """Hide what is left of the last row of panels, and name the axis that all share."""
    for axis in left:
        axis.set_visible(False)
    figure.supylabel(label, fontsize=10)


def _measured(points: Mapping[int, Interval]) -> tuple[list[int], list[float], list[float], list[float]]:
    """Places, means, lows and highs of the intervals that hold something."""
    whole = {place: [value for value in point if value is not None] for place, point in points.items()}
    kept = {place: values for place, values in whole.items() if len(values) == 3}
    means, lows, highs = ([values[part] for values in kept.values()] for part in range(3))
    return list(kept), means, lows, highs


def _tidy(axis: "Axes", title: str) -> None:
    axis.set_title(title, fontsize=10.5, loc="left")
    axis.tick_params(length=0)
    axis.set_axisbelow(True)
    if title:
        axis.grid(axis="x", linewidth=0.6)


def _svg(figure: Figure, description: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(INK, "var(--ink)").replace(FAINT, "var(--line)")
    for index, colour in enumerate(COLOURS):
        text = text.replace(colour, f"var(--m{index})")
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" class="chart" ', 1)
