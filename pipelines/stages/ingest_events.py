"""Append what is new in the landing folders to the event log."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from feature_store.event_log import append
from feature_store.event_removal import remove_events
from feature_store.intake import take_in
from feature_store.landing import LandingFile, content_of
from feature_store.layout import Workspace
from feature_store.quarantine import read_refused, write_refused
from feature_store.schema import EVENTS
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source, require_rows, time_rule
from pipelines.privacy.admission import names_of, open_admission
from pipelines.privacy.retention import oldest_kept, young_refusals
from pipelines.stage import Stage, StageContext


def unread(files: Sequence[LandingFile], sources: Mapping[str, Mapping[str, Any]], *, times: str) -> list[LandingFile]:
    """Files whose content has not been taken in, each content once.

    Args:
        files: What lies in the landing folders.
        sources: Digest -> {"quarantined", "times"} of what was taken in.
        times: The rule for times in force; a file of which another rule refused rows is read again.
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
    log = workspace.read("events") if workspace.exists("events") else None
    admission = open_admission(context.config, workspace, log)
    sources: dict[str, Any] = dict(log.manifest.facts["sources"]) if log else {}
    files = unread(list_source(settings.events, workspace), sources, times=times.expected())
    tracked = context.progress.track(files, what="reading events")
    intake = take_in(tracked, EVENTS, lambda raw: admission.conform(raw, times), prepare=admission.prepare)
    require_rows(context, intake, first_time=log is None, folders=settings.events)
    sources |= {digest: entry | {"times": times.expected()} for digest, entry in intake.sources.items()}
    refused = pl.concat([read_refused(log).filter(~pl.col("source_digest").is_in(list(intake.sources))), intake.refused])
    with workspace.write("events") as writer:
        appended = append(writer, log, intake.rows, partition=settings.partition)
        oldest = oldest_kept(appended.last, keep_days=context.config.privacy.keep_days, now=datetime.now(UTC))
        left = appended if oldest is None else remove_events(writer, pl.col("event_time") < oldest)
        refused = young_refusals(refused, oldest=oldest, times=times)
        write_refused(writer, refused)
        facts = {
            "rows": left.rows,
            "new": appended.new,
            "expired": appended.rows - left.rows,
            "duplicates": intake.rows.height - appended.new,
            "quarantined": refused.height,
            "sources": sources,
            "unreadable": intake.unreadable,
            "user_key": admission.names.key_id,
            "first": left.first.isoformat() if left.first else None,
            "last": left.last.isoformat() if left.last else None,
        }
        context.commit(writer, facts=facts, fingerprint=fingerprint)


def _landing(config: Config, workspace: Workspace) -> Mapping[str, str]:
    erased = {"tombstones": content_of(workspace.tombstones)} if workspace.tombstones.is_file() else {}
    return {**landing_digests(config.sources.events, workspace), "user_key": names_of(config).key_id, **erased}


STAGE = Stage(name="ingest_events", reads=(), writes="events", config=("sources", "privacy"), dated=False, run=run, extra=_landing)
