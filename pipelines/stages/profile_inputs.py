"""Look at what came in before anything is learned from it: the newest days against those before, the catalogue against last night's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.markup import escape

from feature_store.embeddings import scan_embeddings
from feature_store.layout import TableReader
from feature_store.manifest import write_text_atomically
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.quality.catalogue_profile import compare_catalogues, profile_catalogue
from pipelines.quality.events_profile import EventsProfile, Windows, profile_events, windows_of
from pipelines.quality.measures import Measure
from pipelines.reports.profile_page import render_profile_page
from pipelines.stage import Stage, StageContext

REPORT = "profile.json"
PAGE = "input_profile.html"
STOPPED = "stopped"
"""Fingerprint of a profile that ended its night: nothing is current by it, so the next night looks again."""


class InputChangedError(ValueError):
    """An input is further from what it was than [profile] allows; says which, and what to do."""


def run(context: StageContext) -> None:
    """Write the table `input_profile` and the page reports/input_profile.html.

    Raises:
        InputChangedError: A change is beyond a limit that stops. The page and the table are there, and the next night judges again.
    """
    config, workspace = context.config.profile, context.workspace
    events, catalogue, embeddings = context.read("events"), context.read("catalogue"), context.read("item_embeddings")
    known = events.scan(EVENTS).filter(pl.col("event_time") < context.date, pl.col("known_at") < context.date)
    windows = windows_of(known, end=context.date, config=config)
    items = catalogue.scan(CATALOGUE)
    found = profile_events(known, items, windows, config)
    standing = workspace.read(context.stage.writes) if workspace.exists(context.stage.writes) else None
    before, now = accepted_catalogue(standing), profile_catalogue(items, _encoded(embeddings))
    measures = [*found.measures, *compare_catalogues(before, now, config)]
    stops, warnings = ([str(measure) for measure in measures if measure.verdict == verdict] for verdict in ("stop", "warn"))
    report = describe(windows, found, measures, catalogue=now, accepted=before if stops else now)
    workspace.reports.mkdir(parents=True, exist_ok=True)
    write_text_atomically(workspace.reports / PAGE, render_profile_page(report))
    for line in (*stops, *warnings):
        context.progress.say(f"  [yellow]![/yellow] {escape(line)}; see {workspace.reports / PAGE}")
    with workspace.write(context.stage.writes) as writer:
        write_text_atomically(writer.folder / REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
        facts = {"rows": len(measures), "warnings": warnings, "stops": stops}
        context.commit(writer, facts=facts, fingerprint=STOPPED if stops else None)
    if stops:
        raise InputChangedError(
            f"{len(stops)} inputs are not what they were, and [profile] stops the night there: {'; '.join(stops)}. Look at "
            f"{workspace.reports / PAGE}; mend the source, or raise the limit if that is how it shall be. The champion is served on."
        )


def describe(
    windows: Windows, found: EventsProfile, measures: Sequence[Measure], *, catalogue: Mapping[str, float], accepted: Mapping[str, float]
) -> dict[str, Any]:
    """What `profile.json` holds."""
    return {
        "format": 1,
        "windows": {name: moment.isoformat() for name, moment in asdict(windows).items()},
        "measures": [asdict(measure) for measure in measures],
        "daily": {name: {day.isoformat(): events for day, events in days.items()} for name, days in found.daily.items()},
        "shares": found.shares,
        "catalogue": catalogue,
        "accepted_catalogue": accepted,
    }


def accepted_catalogue(table: TableReader | None) -> Mapping[str, float]:
    """The catalogue of the last night that was not stopped for it; empty before the first."""
    if table is None:
        return {}
    values: dict[str, float] = json.loads(table.path(REPORT).read_text(encoding="utf-8"))["accepted_catalogue"]
    return values


def _encoded(embeddings: TableReader) -> dict[str, pl.LazyFrame]:
    """Modality -> its rows."""
    return {name: scan_embeddings(embeddings, name) for name in embeddings.manifest.facts["dims"]}


STAGE = Stage(
    name="profile_inputs",
    reads=("events", "catalogue", "item_embeddings"),
    writes="input_profile",
    config=("profile",),
    sees={"": "date"},
    run=run,
)
