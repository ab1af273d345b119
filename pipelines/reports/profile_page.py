"""The profile of a night's inputs as one HTML file: what changed, day by day and level by level."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipelines.reports.charts import bars, days
from pipelines.reports.markup import header, number, page, section, table

COLUMNS = 3
MOST_LEVELS = 10
"""More bars side by side than this cannot be read."""
BADGES = {"ok": ("pass", "as before"), "warn": ("fail", "changed"), "stop": ("fail", "stops the night"), "unjudged": ("", "not judged")}
COLOURS = {"newest": 0, "reference": 1}
HEAD = ("input", "verdict", "before", "now", "by", "value")


def render_profile_page(report: Mapping[str, Any]) -> str:
    """Draw the page.

    Args:
        report: What `profile_inputs` found: see `profile.json`.
    """
    parts = [_header(report), _alarms(report), _volumes(report), _shares(report), _all(report)]
    return page("Vitrine: is the input what it was?", parts)


def _header(report: Mapping[str, Any]) -> str:
    measures, windows = report["measures"], report["windows"]
    count = {verdict: sum(measure["verdict"] == verdict for measure in measures) for verdict in BADGES}
    changed = count["warn"] + count["stop"]
    lead = (
        f"{'Nothing has' if not changed else f'{changed} inputs have'} changed by more than [profile] allows. "
        f"Events from {windows['newest'][:10]} to {windows['end'][:10]} are held against those from {windows['reference'][:10]} on, "
        "the catalogue against that of the last night."
    )
    figures = (
        (str(changed), "changed"),
        (str(count["stop"]), "of them stop the night"),
        (str(count["ok"]), "as before"),
        (str(count["unjudged"]), "too few to judge"),
        (f"{report['catalogue'].get('items', 0):,.0f}", "items"),
    )
    return header("Is the input what it was?", escape(lead), figures)


def _alarms(report: Mapping[str, Any]) -> str:
    changed = [measure for measure in report["measures"] if measure["verdict"] in ("stop", "warn")]
    if not changed:
        return ""
    return section("What changed", "Beyond a limit of [profile].", table(HEAD, _rows(changed)))


def _volumes(report: Mapping[str, Any]) -> str:
    if not report["daily"]:
        return ""
    lead = "Events by day (UTC). The newest window stands out; its first and last day may be parts of days."
    return section("Day by day", lead, days(report["daily"], since=report["windows"]["newest"][:10], label="events", columns=COLUMNS))


def _shares(report: Mapping[str, Any]) -> str:
    charts = [f"<h3>{escape(name)}</h3>{_bars(levels)}" for name, levels in report["shares"].items() if len(levels) > 1]
    return section("Level by level", "Shares of the events in each window, the most frequent first.", *charts) if charts else ""


def _bars(levels: Mapping[str, Sequence[float]]) -> str:
    shown = dict(list(levels.items())[:MOST_LEVELS])
    values = {name: [[pair[place]] * 3 for pair in shown.values()] for place, name in enumerate(("reference", "newest"))}
    return bars(list(shown), values, COLOURS, label="share")


def _all(report: Mapping[str, Any]) -> str:
    lead = (
        "volume: times more or fewer. nulls, catalogue: change of a share. psi: population stability index. ks: largest distance of two "
        "distribution functions; before and now show the 10th, 50th and 90th percentile."
    )
    return section("Everything that was compared", lead, table(HEAD, _rows(report["measures"])))


def _rows(measures: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    rows = []
    for measure in measures:
        kind, told = BADGES[measure["verdict"]]
        cells = (escape(measure["before"]), escape(measure["now"]), measure["kind"], number(measure["value"], 2))
        rows.append([escape(measure["what"]), f'<span class="pill {kind}">{told}</span>', *cells])
    return rows
