"""Take in what the shop says of its users; nothing unless [users] names attributes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from feature_store.clock import Clock
from feature_store.intake import Intake, take_in
from feature_store.landing import LandingFile, content_of
from feature_store.layout import TableReader, Workspace
from feature_store.quarantine import Refusal, write_refused
from feature_store.schema import USERS
from feature_store.user_attributes import changes, conform_users
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source, require_rows, time_rule
from pipelines.privacy.admission import names_of, open_admission
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Read every file anew behind the rows that stand; attributes that are no longer named go."""
    fingerprint = context.fingerprint  # before the listing: a file that arrives meanwhile makes the next night run again
    attributes, facts, rows = context.config.users.attributes, dict[str, Any](), USERS.empty()
    with context.workspace.write("users") as writer:
        if attributes:
            workspace = context.workspace
            table = workspace.read("users") if workspace.exists("users") else None
            if table and "landed" not in table.manifest.facts:
                table = None  # nothing was asked for so far
            landed: dict[str, str] = dict(table.manifest.facts["landed"]) if table else {}
            intake = _take_in(context, table, landed)
            standing = table.scan(USERS).collect() if table else USERS.empty()
            rows = changes(pl.concat([standing, intake.rows]), attributes, met=table.manifest.facts["values"] if table else ())
            write_refused(writer, intake.refused)
            facts = {
                "quarantined": intake.refused.height,
                "users": rows["user_id"].n_unique(),
                "values": dict.fromkeys(sorted(attributes), 0)
                | dict(rows.group_by("attribute").agg(pl.col("value").n_unique()).iter_rows()),
                "sources": intake.sources,
                "unreadable": intake.unreadable,
                "landed": landed,
                "user_key": names_of(context.config).key_id,
            }
        writer.write(rows, USERS)
        context.commit(writer, facts={"rows": rows.height, **facts}, fingerprint=fingerprint)


def _take_in(context: StageContext, table: TableReader | None, landed: dict[str, str]) -> Intake:
    """What lies in the landing folders; `landed` is told when each file was first met."""
    workspace, settings, times = context.workspace, context.config.sources, time_rule(context.config)
    clock = Clock(now=datetime.now(UTC), skew=timedelta(seconds=settings.clock_skew_s))
    admission = open_admission(context.config, workspace, table)

    def conform(raw: pl.DataFrame, file: LandingFile) -> tuple[pl.DataFrame, Refusal]:
        since = datetime.fromisoformat(landed.setdefault(f"{file.name} {file.digest}", clock.now.isoformat()))
        return admission.conform(raw, lambda kept: conform_users(kept, landed=since, times=times, clock=clock))

    files = context.progress.track(list_source(settings.users, workspace), what="reading users")
    found = take_in(files, USERS, conform, prepare=admission.prepare)
    intake = replace(found, unreadable=admission.without_content(found.unreadable))
    require_rows(context, intake.unreadable, enough=table is not None or bool(intake.sources), folders=settings.users)
    return intake


def _landing(config: Config, workspace: Workspace) -> Mapping[str, str]:
    if not config.users.attributes:
        return {}
    erased = {"tombstones": content_of(workspace.tombstones)} if workspace.tombstones.is_file() else {}
    return {**landing_digests(config.sources.users, workspace), "user_key": names_of(config).key_id, **erased}


STAGE = Stage(name="ingest_users", reads=(), writes="users", config=("users", "sources", "privacy"), dated=False, run=run, extra=_landing)
