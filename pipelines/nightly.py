"""One night: every stage in order, each skipped while nothing it depends on has changed; then the gate and the champion."""

import contextlib
import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape

from feature_store.disk import writing_to
from feature_store.errors import EmptyLogError
from feature_store.layout import Workspace
from feature_store.served_log import ServedLog
from feature_store.snapshot import load_snapshot
from feature_store.tombstones import Tombstones
from pipelines.audit.stage import STAGE as AUDIT_LEAKS
from pipelines.config import Config
from pipelines.lock import alone
from pipelines.online_store import open_online_store
from pipelines.privacy.admission import names_of
from pipelines.privacy.retention import oldest_kept
from pipelines.progress import Progress
from pipelines.releases import ReleaseShelf
from pipelines.scale.workers import require_engines
from pipelines.stage import Stage, StageContext, clear_scratch, is_current
from pipelines.stages.analyse_reviews import STAGE as ANALYSE_REVIEWS
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from pipelines.stages.build_index import STAGE as BUILD_INDEX
from pipelines.stages.build_knowledge import STAGE as BUILD_KNOWLEDGE
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.check_parity import STAGE as CHECK_PARITY
from pipelines.stages.compute_item_features import STAGE as COMPUTE_ITEM_FEATURES
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from pipelines.stages.embed_items import STAGE as EMBED_ITEMS
from pipelines.stages.evaluate_models import STAGE as EVALUATE_MODELS
from pipelines.stages.export_query_encoders import STAGE as EXPORT_QUERY_ENCODERS
from pipelines.stages.fetch_images import STAGE as FETCH_IMAGES
from pipelines.stages.fine_tune_encoders import STAGE as FINE_TUNE_ENCODERS
from pipelines.stages.ingest_catalogue import STAGE as INGEST_CATALOGUE
from pipelines.stages.ingest_events import STAGE as INGEST_EVENTS
from pipelines.stages.ingest_users import STAGE as INGEST_USERS
from pipelines.stages.label_attributes import STAGE as LABEL_ATTRIBUTES
from pipelines.stages.profile_inputs import STAGE as PROFILE_INPUTS
from pipelines.stages.publish_release import STAGE as PUBLISH_RELEASE
from pipelines.stages.train_encoders import STAGE as TRAIN_ENCODERS
from pipelines.stages.train_ranker import STAGE as TRAIN_RANKER
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from pipelines.stages.train_sasrec import STAGE as TRAIN_SASREC
from pipelines.stages.train_twin import STAGE as TRAIN_TWIN

STAGES: tuple[Stage, ...] = (
    CHECK_PARITY,
    INGEST_CATALOGUE,
    INGEST_EVENTS,
    INGEST_USERS,
    BUILD_KNOWLEDGE,
    FETCH_IMAGES,
    TRAIN_ENCODERS,
    FINE_TUNE_ENCODERS,
    EMBED_ITEMS,
    EXPORT_QUERY_ENCODERS,
    LABEL_ATTRIBUTES,
    PROFILE_INPUTS,
    ANALYSE_REVIEWS,
    COMPUTE_ITEM_FEATURES,
    COMPUTE_USER_FEATURES,
    BUILD_EXAMPLES,
    BUILD_SNAPSHOT,
    AUDIT_LEAKS,
    TRAIN_RETRIEVER,
    TRAIN_TWIN,
    TRAIN_SASREC,
    BUILD_INDEX,
    TRAIN_RANKER,
    EVALUATE_MODELS,
    PUBLISH_RELEASE,
)


class UnknownStageError(Exception):
    """A stage was named that the night does not have."""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """One line of the night's summary."""

    name: str
    skipped: bool
    seconds: float
    peak_memory_bytes: int
    """Of the process so far."""
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Night:
    """What a night did."""

    date: datetime
    results: Sequence[StageResult]
    release_id: str
    promoted: bool
    """Whether the release is now the champion."""
    refusals: Sequence[str] = field(default_factory=tuple)
    """What each gate that refused it says."""


def run_night(
    config: Config, *, date: datetime | None = None, progress: Progress, start_from: str | None = None, stages: Sequence[Stage] = STAGES
) -> Night:
    """Run what is not up to date, publish a release, promote it where the gates allow.

    Args:
        config: The shop's.
        date: Nothing at or after it is known to the night; by default just after the last event.
        progress: Bars and lines.
        start_from: This stage and all behind it run even if nothing has changed.
        stages: The stages, in order.

    Raises:
        BusyError: Another night is at work here.
        EmptyLogError: No event is left to learn from.
        FullDiskError: There is no room for what was to be written.
        UnknownStageError: `start_from` is no stage.
        EngineError: The config names an engine that is not installed.
        OnlineStoreError: The online store cannot be reached.
    """
    forced_from = len(stages) if start_from is None else _place(start_from, stages)
    require_engines(config)
    workspace = config.open_workspace()
    with alone(workspace.root / "night.lock", work="night"):
        if config.online_store.elsewhere:
            open_online_store(config).close()  # a store that cannot be reached is told before the night has cost anything
        moment, results = _run_stages(config, workspace, date, progress, forced_from, stages)
        with writing_to(workspace.root):
            return _conclude(config, workspace, moment, results, progress)


def run_until(
    config: Config, until: str, *, date: datetime | None = None, progress: Progress, start_from: str | None = None
) -> Sequence[StageResult]:
    """Run what is not up to date of the stages up to this one, and it; nothing is published, and a night goes on from there.

    Raises:
        BusyError: A night is at work here.
        EmptyLogError: No event is left to learn from.
        UnknownStageError: `until` or `start_from` is no stage.
        EngineError: The config names an engine that is not installed.
    """
    stages = STAGES[: _place(until, STAGES) + 1]
    forced_from = len(stages) if start_from is None else _place(start_from, stages)
    require_engines(config)
    workspace = config.open_workspace()
    with alone(workspace.root / "night.lock", work="night"):
        return _run_stages(config, workspace, date, progress, forced_from, stages)[1]


def _run_stages(
    config: Config, workspace: Workspace, date: datetime | None, progress: Progress, forced_from: int, stages: Sequence[Stage]
) -> tuple[datetime, Sequence[StageResult]]:
    """The night's moment, and what each stage did."""
    results: list[StageResult] = []
    moment = date or datetime.max.replace(tzinfo=UTC)
    for place, stage in enumerate(stages):
        if date is None and stage.dated:
            date = moment = end_of_log(workspace)
        results.append(run_stage(stage, config, workspace, moment, progress, forced=place >= forced_from))
    return moment, results


def _place(name: str, stages: Sequence[Stage]) -> int:
    names = [stage.name for stage in stages]
    if name not in names:
        raise UnknownStageError(f"there is no stage {name!r}; the stages are {', '.join(names)}")
    return names.index(name)


def end_of_log(workspace: Workspace) -> datetime:
    """The first moment after every event.

    Raises:
        MissingTableError: There is no log yet.
        EmptyLogError: It holds no event.
    """
    last = workspace.read("events").manifest.facts["last"]
    if last is None:
        raise EmptyLogError(
            f"the log in {workspace.table('events')} holds no event: all were refused, erased or too old. "
            "Put events into the folders of [sources] events and run `vitrine nightly`."
        )
    return datetime.fromisoformat(last) + timedelta(microseconds=1)


def run_stage(stage: Stage, config: Config, workspace: Workspace, date: datetime, progress: Progress, *, forced: bool) -> StageResult:
    """Run a stage if it is not up to date, or if it is forced to, and print its line."""
    started = time.perf_counter()
    skipped = not forced and is_current(stage, workspace, config, date)
    if not skipped:
        progress.say(f"[bold]{stage.name}[/bold] …")
        with writing_to(workspace.root):
            stage.run(StageContext(workspace=workspace, config=config, date=date, progress=progress, stage=stage, forced=forced))
        clear_scratch(stage, workspace)
    facts = workspace.read(stage.writes).manifest.facts
    result = StageResult(
        name=stage.name,
        skipped=skipped,
        seconds=time.perf_counter() - started,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        facts=facts,
    )
    progress.say(_line(result, workspace, stage))
    for line in facts.get("told", ()):
        progress.say(f"      {escape(line)}")
    return result


def _line(result: StageResult, workspace: Workspace, stage: Stage) -> str:
    facts = result.facts
    refused = f", [yellow]{facts['quarantined']} refused[/yellow]" if facts.get("quarantined") else ""
    refused += f", [yellow]{len(facts['warnings'])} warnings[/yellow]" if facts.get("warnings") else ""
    days = {} if result.skipped else facts.get("days", {})
    counted = f", {days['made']:,} days made, {days['kept']:,} kept" if days else ""
    did = "unchanged" if result.skipped else f"{result.seconds:6.1f} s, peak {result.peak_memory_bytes / 2**30:.1f} GiB"
    where = os.path.relpath(workspace.table(stage.writes))
    return f"  [green]✓[/green] {result.name:<22} {facts.get('rows', 0):>9,} rows{refused}{counted}  {did}  [dim]{where}[/dim]"


def _conclude(config: Config, workspace: Workspace, date: datetime, results: Sequence[StageResult], progress: Progress) -> Night:
    shelf = ReleaseShelf(workspace.releases)
    release_id = results[-1].facts["release_id"]
    gates = shelf.describe(release_id)["gates"]
    refusals = [gate["message"] for gate in gates if not gate["passed"]]
    if not refusals:
        shelf.promote(release_id, why="gates passed")
        progress.say(f"[green]Release {release_id} is served from now on.[/green]")
    else:
        champion = shelf.champion()
        meanwhile = "the champion stands" if champion else f"nothing is served yet; `vitrine releases promote {release_id}` would"
        progress.say(f"[yellow]Release {release_id} stays a challenger; {meanwhile}.[/yellow]")
        for refusal in refusals:
            progress.say(f"  [yellow]✗[/yellow] {escape(refusal)}")
    removed = shelf.prune(config.release.keep)
    with contextlib.closing(open_online_store(config)) as store:
        store.set_tombstones(Tombstones.read(workspace.tombstones))
        store.set_key_id(names_of(config).key_id)
        oldest = oldest_kept(end_of_log(workspace), keep_days=config.privacy.keep_days, now=datetime.now(UTC))
        if oldest is not None:
            too_old = round(oldest.timestamp() * 1e6)
            store.forget_posted(before=too_old)
            ServedLog(workspace.served).remove(lambda _line, sample: sample.time < too_old)
        load_snapshot(store, workspace.read("snapshot"))
        store.forget_additions(keep=shelf.ids())
    for old in removed:
        progress.say(f"[dim]removed old release {old}[/dim]")
    return Night(date=date, results=results, release_id=release_id, promoted=not refusals, refusals=refusals)
