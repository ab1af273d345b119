"""`vitrine compact`: the event log in fewer files, between nights."""

from dataclasses import dataclass

from feature_store.event_compaction import compact, scattered
from feature_store.layout import QUARANTINE, TableReader
from pipelines.config import Config
from pipelines.lock import alone


@dataclass(frozen=True, kw_only=True)
class LogSize:
    """What the events of a log take on disk."""

    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """The log before and after; equal where there was nothing to do."""

    before: LogSize
    after: LogSize


def compact_log(config: Config) -> Compacted:
    """Put small files of the log together; rows, their order, and what stages have made of them stay.

    Readers keep the build that they have opened; a kill leaves the old one standing.

    Raises:
        BusyError: A night, or another compaction, is at work here.
        MissingTableError: There is no log yet.
    """
    workspace = config.open_workspace()
    with alone(workspace.root / "night.lock", work="night"):
        log = workspace.read("events")
        files = scattered(log)
        if files:
            with workspace.write("events") as writer:
                compact(writer, log, files)
                writer.commit(
                    fingerprint=log.manifest.fingerprint, facts=log.manifest.facts, run=log.manifest.run, same_rows_as=log.manifest
                )
        return Compacted(before=_size(log), after=_size(workspace.read("events")))


def _size(log: TableReader) -> LogSize:
    entries = [entry["bytes"] for name, entry in log.manifest.files.items() if not name.startswith(QUARANTINE)]
    return LogSize(files=len(entries), bytes=sum(entries))
