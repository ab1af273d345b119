"""A user taken out of tables: rows where they name users, the whole table where it is not made of rows."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl

from feature_store.day_digests import DIGESTS
from feature_store.event_removal import remove_events
from feature_store.layout import QUARANTINE, TableReader, Workspace, remove_old_builds
from feature_store.manifest import MANIFEST
from feature_store.schema import EVENTS as EVENTS_TABLE
from pipelines.privacy.sought import USER, Sought

Theirs = Callable[[pl.Schema], pl.Expr | None]
"""Columns of a file -> True for the user's rows; None where no column can say so."""
EVENTS = "events"
LANDED = "landed"
"""Fact of `users`: name and digest of each landing file, and when it was first met."""
LASTING = (EVENTS, "users", "catalogue", "fetched_images")
"""Tables that remember what no night could make again; these lose rows and never all."""
OF_EVENTS = ("review_sentiment",)
"""Tables whose rows stand for events of the log and name nobody; a row whose event is gone goes too, and these come behind the log."""
NOTHING = "nothing found"
MADE_AGAIN = "removed whole; the next night makes it again"


def erase_from_table(workspace: Workspace, name: str, sought: Sought, *, changed: Mapping[str, str] = MappingProxyType({})) -> str:
    """Take a user out of the build that stands, and remove all older builds.

    What is left has no fingerprint, so the next night makes the table anew, and all that is made of it.

    Args:
        workspace: Where the table is.
        name: Of the table.
        sought: Who.
        changed: Digests of landing files that were rewritten -> what they are now. The log forgets to have read them, so the next night
            takes them for new; what they say of users stays known since they were first met.

    Returns:
        What was done.
    """
    reader = workspace.read(name)
    if DIGESTS in reader.manifest.files and not workspace.read(EVENTS).manifest.fingerprint:  # of the log as it was
        shutil.rmtree(reader.directory)
        return MADE_AGAIN
    parquet = [file for file in reader.manifest.files if file.endswith(".parquet")]
    others = [file for file in reader.manifest.files if file not in parquet]
    if name not in LASTING and any(sought.in_file(reader.path(file)) for file in others):
        shutil.rmtree(reader.directory)
        return MADE_AGAIN
    theirs = _of_lost_events(workspace) if name in OF_EVENTS else sought.rows
    found = {file: count for file in parquet if (count := _count(reader.path(file), theirs))}
    read = reader.manifest.facts["sources"] if name == EVENTS else [key.split()[-1] for key in reader.manifest.facts.get(LANDED, ())]
    stale = any(digest in read for digest in changed)
    if found or stale or sought.in_text((reader.directory / MANIFEST).read_text(encoding="utf-8")):
        _rewrite(workspace, reader, sought, theirs, found, changed)
    remove_old_builds(workspace.read(name))
    return f"{sum(found.values()):,} rows removed" if found else NOTHING


def _of_lost_events(workspace: Workspace) -> Theirs:
    """True for rows whose event is not in the log, which the user has been taken out of by now."""
    log = workspace.read(EVENTS).scan(EVENTS_TABLE) if workspace.exists(EVENTS) else EVENTS_TABLE.empty().lazy()
    kept = log.filter(pl.col("event_type") == "review").select("event_id").collect().to_series()
    return lambda _columns: ~pl.col("event_id").is_in(kept.implode())


def _rewrite(
    workspace: Workspace, reader: TableReader, sought: Sought, theirs: Theirs, found: Mapping[str, int], changed: Mapping[str, str]
) -> None:
    """Write the next build: every file without the user's rows, and the log without what it knows of changed landing files."""
    facts, log = sought.hide(dict(reader.manifest.facts)), reader.manifest.name == EVENTS
    with workspace.write(reader.manifest.name) as writer:
        for file in reader.manifest.files:
            refused = file.startswith(QUARANTINE)
            rewritten = refused if log else file in found
            if not rewritten:
                writer.keep(reader, file)
                continue
            whole, left = _rows(reader.path(file), theirs)
            if log:
                left = left.filter(~pl.col("source_digest").is_in(list(changed)))
            counted = "quarantined" if refused else "rows"
            facts[counted] = facts.get(counted, 0) - whole.height + left.height
            if left.height or not refused:
                _write(left, writer.folder / file, like=reader.path(file))
        if log:
            span = remove_events(writer, pl.col(USER).is_in(sought.names))
            facts |= {"rows": span.rows, "sources": {key: value for key, value in facts["sources"].items() if key not in changed}}
            facts |= {part: moment.isoformat() if moment else None for part, moment in (("first", span.first), ("last", span.last))}
        if LANDED in facts:
            met = {tuple(key.rsplit(" ", 1)): since for key, since in facts[LANDED].items()}
            facts[LANDED] = {f"{file} {changed.get(digest, digest)}": since for (file, digest), since in met.items()}
        writer.commit(facts=facts, run=sought.hide(dict(reader.manifest.run)))


def _count(path: Path, theirs: Theirs) -> int:
    rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    of_user = theirs(rows.collect_schema())
    return 0 if of_user is None else int(rows.select(of_user.sum()).collect().item() or 0)


def _rows(path: Path, theirs: Theirs) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All rows of a file, and those that are not the user's."""
    rows = pl.read_parquet(path, glob=False, hive_partitioning=False)
    of_user = theirs(rows.schema)
    return rows, rows if of_user is None else rows.filter(~of_user.fill_null(False))


def _write(rows: pl.DataFrame, path: Path, *, like: Path) -> None:
    """A Parquet file that says of itself what another one does."""
    told = {name: value for name, value in pl.read_parquet_metadata(like).items() if name != "ARROW:schema"}
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(path, compression="zstd", statistics=True, metadata=told)
