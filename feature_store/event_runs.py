"""Events on their way into the log: on disk, in runs sorted by time, so that memory holds a part of them however many there are.

What a run holds is safe from a kill once the journal names it; a source counts as taken in once all of its rows are in such runs.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.batches import memory_of
from feature_store.disk import writing_to
from feature_store.manifest import write_text_atomically
from feature_store.run_files import Run, read_ids, read_run, write_run

SHARE = 5
"""A run has this part of the memory: it is held, put together, sorted and written, beside the block that is read."""
_JOURNAL = "journal.json"


@dataclass(kw_only=True)
class _Journal:
    runs: list[Run] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Files of refused rows."""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Rows:
    """Rows in memory, and what they weigh."""

    events: list[pl.DataFrame] = field(default_factory=list)
    refused: list[pl.DataFrame] = field(default_factory=list)
    bytes: int = 0


class EventRuns:
    """The new events of an ingestion, and the rows that were refused beside them.

    Args:
        folder: Where they lie; what a killed ingestion has finished there is gone on with.
        memory_bytes: Bounds what is held at once.
    """

    def __init__(self, folder: Path, *, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self._folder = folder / f"polars-{pl.__version__}"  # another version may hash ids into other buckets
        self._limit = memory_bytes // SHARE
        self._whole, self._whole_sources = _Rows(), dict[str, dict[str, Any]]()
        self._open, self._open_runs, self._open_refused = _Rows(), list[Run](), list[str]()
        self._folder.mkdir(parents=True, exist_ok=True)
        journal = self._folder / _JOURNAL
        told = json.loads(journal.read_text(encoding="utf-8")) if journal.exists() else {}
        self._journal = _Journal(**told | {"runs": [Run(**run) for run in told.get("runs", [])]})
        names = [*(run.name for run in self._journal.runs), *self._journal.refused]
        self._written = max((int(name.partition(".")[0]) for name in names), default=0)

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """Key of each source that was taken in whole -> what was told of it."""
        return self._journal.sources | self._whole_sources

    @property
    def runs(self) -> Sequence[Run]:
        """All there are, in the order in which their events came in; once `close` was called."""
        return self._journal.runs

    @property
    def rows(self) -> int:
        """Events in all runs."""
        return sum(run.rows for run in self._journal.runs)

    @property
    def id_bytes(self) -> int:
        """Length of their ids together."""
        return sum(run.id_bytes for run in self._journal.runs)

    def add(self, events: pl.DataFrame, refused: pl.DataFrame) -> None:
        """Take rows of the source that is being read.

        Args:
            events: Rows of the table `events`.
            refused: Rows of REFUSED_ROWS.
        """
        _put(self._open, [events], [refused])
        if self._open.bytes >= self._limit:
            self._settle()
            self._write(self._open, self._open_runs, self._open_refused)
            self._open = _Rows()

    def complete(self, key: str, told: dict[str, Any]) -> None:
        """The source has been read to its end."""
        if self._open_runs or self._open_refused:
            self._write(self._open, self._open_runs, self._open_refused)
            self._journal.runs += self._open_runs
            self._journal.refused += self._open_refused
            self._journal.sources[key] = told
            self._save()
        else:
            _put(self._whole, self._open.events, self._open.refused)
            self._whole_sources[key] = told
        self._open, self._open_runs, self._open_refused = _Rows(), [], []
        if self._whole.bytes >= self._limit:
            self._settle()

    def drop(self) -> None:
        """The source cannot be read to its end: nothing of it comes in."""
        self._open, self._open_runs, self._open_refused = _Rows(), [], []

    def close(self) -> None:
        """All sources have been read."""
        self._settle()

    def read(self, run: Run, *, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Events of a run in order of time, a batch at a time.

        Args:
            run: One of `runs`.
            columns: Of the table `events`, or `arrival` (Int64): the place of the row among all rows of all runs, as they came in, and
                `bytes` (Int64): about how much memory the row takes.
        """
        return read_run(self._folder, run, columns)

    def ids(self, buckets: range) -> Iterator[pl.DataFrame]:
        """Columns event_id and arrival of all rows whose ids are in these of BUCKETS; equal ids come in order of arrival."""
        for run in self._journal.runs:
            yield from read_ids(self._folder, run, buckets)

    def refused(self) -> Iterator[pl.DataFrame]:
        """Rows of REFUSED_ROWS, some at a time."""
        for name in self._journal.refused:
            yield pl.read_parquet(self._folder / name, glob=False)

    def _settle(self) -> None:
        if self._whole_sources:
            self._write(self._whole, self._journal.runs, self._journal.refused)
            self._journal.sources |= self._whole_sources
            self._save()
        self._whole, self._whole_sources = _Rows(), {}

    def _write(self, rows: _Rows, runs: list[Run], refused: list[str]) -> None:
        with writing_to(self._folder):
            if any(frame.height for frame in rows.events):
                arrived = self.rows + sum(run.rows for run in self._open_runs)
                runs.append(write_run(self._folder, self._next("run"), pl.concat(rows.events), arrived))
            if any(frame.height for frame in rows.refused):
                refused.append(self._next("refused.parquet"))
                pl.concat(rows.refused).write_parquet(self._folder / refused[-1])

    def _next(self, kind: str) -> str:
        self._written += 1
        return f"{self._written:06d}.{kind}"

    def _save(self) -> None:
        write_text_atomically(self._folder / _JOURNAL, json.dumps(asdict(self._journal)))


def _put(rows: _Rows, events: list[pl.DataFrame], refused: list[pl.DataFrame]) -> None:
    rows.events += events
    rows.refused += refused
    rows.bytes += sum(memory_of(frame) for frame in (*events, *refused))
