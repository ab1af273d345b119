"""Append what is new in the landing folders to the event log."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl

from feature_store.clock import Clock
from feature_store.event_append import Appended, append
from feature_store.event_intake import take_in_events
from feature_store.event_log import conform_events
from feature_store.event_removal import remove_events
from feature_store.event_runs import EventRuns
from feature_store.landing import LandingFile, content_of
from feature_store.layout import Workspace
from feature_store.quarantine import refused_batches, write_many_refused
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source, require_rows, time_rule
from pipelines.privacy.admission import names_of, open_admission
from pipelines.privacy.retention import oldest_kept, young_refusals
from pipelines.stage import Stage, StageContext

DAYS_TOLD = 5
"""Days with late events that the console names; the manifest has all."""


def unread(files: Sequence[LandingFile], sources: Mapping[str, Mapping[str, Any]], *, times: str) -> list[LandingFile]:
    """Files whose content has not been taken in, each content once.

    Args:
        files: What lies in the landing folders.
        sources: Digest -> {"quarantined", "times"} of what was taken in.
        times: The rule for times in force, in words; a file of which another rule refused rows is read again.
    """
    done = {digest for digest, source in sources.items() if not source["quarantined"] or source["times"] == times}
    first: dict[str, LandingFile] = {}
    for file in files:
        if file.digest not in done:
            first.setdefault(file.digest, file)
    return list(first.values())


def run(context: StageContext) -> None:
    """Take in the files the log has not seen; files that cannot be read stay where they are and are tried again."""
    fingerprint = context.fingerprint  # before the listing: a file that arrives meanwhile makes the next night run again
    workspace, settings, times = context.workspace, context.config.sources, time_rule(context.config)
    clock = Clock(now=datetime.now(UTC), skew=timedelta(seconds=settings.clock_skew_s))
    rule = f"{times.expected()}, {clock.expected()}"
    log = workspace.read("events") if workspace.exists("events") else None
    admission = open_admission(context.config, workspace, log)
    sources: dict[str, Any] = dict(log.manifest.facts["sources"]) if log else {}
    files = unread(list_source(settings.events, workspace), sources, times=rule)
    runs = EventRuns(context.scratch, memory_bytes=settings.ingest_memory_mib * 2**20)
    tracked = context.progress.track(files, what="reading events")
    to_events = partial(conform_events, times=times, clock=clock)
    found = take_in_events(tracked, runs, lambda raw: admission.conform(raw, to_events), prepare=admission.prepare)
    unreadable = admission.without_content(found)
    require_rows(context, unreadable, enough=log is not None or bool(runs.sources), folders=settings.events)
    sources |= {digest: entry | {"times": rule} for digest, entry in runs.sources.items()}
    standing = (rows.filter(~pl.col("source_digest").is_in(list(runs.sources))) for rows in refused_batches(log))
    with workspace.write("events") as writer:
        age = partial(oldest_kept, keep_days=context.config.privacy.keep_days, now=clock.now)
        appended = append(writer, log, runs, partition=settings.partition, oldest=age)
        _tell_late(context, appended)
        oldest = age(appended.last)
        left = appended if oldest is None else remove_events(writer, pl.col("event_time") < oldest)
        refused = (young_refusals(rows, oldest=oldest, times=times) for rows in itertools.chain(standing, runs.refused()))
        facts = {
            "rows": left.rows,
            "new": appended.new,
            "expired": appended.too_old + appended.rows - left.rows,
            "duplicates": runs.rows - appended.new - appended.too_old,
            "quarantined": write_many_refused(writer, refused),
            "sources": sources,
            "unreadable": unreadable,
            "user_key": admission.names.key_id,
            "first": left.first.isoformat() if left.first else None,
            "last": left.last.isoformat() if left.last else None,
            "late": {day.isoformat(): rows for day, rows in appended.late.items()},
            "late_from": appended.late_from.isoformat() if appended.late_from else None,
        }
        if facts["expired"]:
            context.progress.say(f"  {facts['expired']:,} events older than {context.config.privacy.keep_days:g} days dropped (keep_days)")
        unchanged = not appended.new and left.rows == appended.rows
        context.commit(writer, facts=facts, fingerprint=fingerprint, same_rows_as=log.manifest if log and unchanged else None)


def _tell_late(context: StageContext, appended: Appended) -> None:
    """Which days events have come late for, and which derived days they touch."""
    if not appended.late:
        return
    days = [f"{day:%Y-%m-%d} ({rows:,})" for day, rows in appended.late.items()]
    more = f" and {len(days) - DAYS_TOLD} more days" if len(days) > DAYS_TOLD else ""
    touched = f"features change from {appended.late_from:%Y-%m-%d} on" if appended.late_from else "no day's features change"
    context.progress.say(f"  {sum(appended.late.values()):,} late events, of {', '.join(days[:DAYS_TOLD])}{more}; {touched}")


def _landing(config: Config, workspace: Workspace) -> Mapping[str, str]:
    erased = {"tombstones": content_of(workspace.tombstones)} if workspace.tombstones.is_file() else {}
    return {**landing_digests(config.sources.events, workspace), "user_key": names_of(config).key_id, **erased}


STAGE = Stage(name="ingest_events", reads=(), writes="events", config=("sources", "privacy"), dated=False, run=run, extra=_landing)
