"""Histories as of a moment, out of core, against DuckDB and pandas; and batches of them against a Dataset that deals out row by row.

    python benchmarks/features.py [--millions 1 10] [--memory-mib 1024] [--pandas-up-to 10]   # 50: half an hour for the log alone

For each number: a made-up log of so many events; then, each in a process of its own, every purchase is given the newest 50 distinct items
that its user had acted on, and that were known, strictly before it, and the rows are written as Parquet. All must write the same rows.
Speeds are events of the log per second of processor time, which other work on the machine changes less than wall time. Without the
package `duckdb` (pip install duckdb, in an environment of its own) its line is left out. Everything lies in a temporary folder.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from made_up_events import ITEMS, peak_mib, write_log
from rich.console import Console
from rich.table import Table

from feature_store.layout import Workspace
from feature_store.parts import Memory, parts_of
from feature_store.schema import EVENTS
from recsys.data.interactions import Interactions, build_interactions
from recsys.data.ranking_lists import request_histories
from recsys.data.relevance import Relevance
from recsys.data.sequences import Sequences
from recsys.vocabulary import Vocabulary

LENGTH = 50
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW_BYTES = 600
REQUESTS_AT_ONCE = 20_000
BATCH = 256
COLUMNS = ("item_index", "kind", "age_days", "event_time", "wanted", "loss_weight")
"""What both make tensors of."""
ROWS_DEALT = 20_000
"""Histories that the Dataset deals out; it would take too long over all."""


def main() -> None:
    """Read the arguments, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--memory-mib", type=int, default=1024)
    parser.add_argument("--pandas-up-to", type=float, default=10, help="millions of events; it holds all of them")
    parser.add_argument("--log", type=Path, help="workspace with a log that is there already, for one number of millions")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        what, folder = asked.alone
        print(json.dumps(_measured(ALONE[what], Path(folder), asked.memory_mib)))
        return
    table = Table(title=f"memory_mib = {asked.memory_mib}")
    for heading in ("events", "who", "wall s", "processor s", "events/s", "times ours", "peak MiB", "rows"):
        table.add_column(heading, justify="right")
    for millions in asked.millions:
        with tempfile.TemporaryDirectory() as folder:
            if not asked.log:
                write_log(Workspace(Path(folder)), int(millions * 1e6))
            names = [name for name in ALONE if name != "pandas" or millions <= asked.pandas_up_to]
            names = [name for name in names if name != "duckdb" or importlib.util.find_spec("duckdb")]
            found = {name: _apart(name, asked.log or Path(folder), asked.memory_mib) for name in names}
        rows = {told["rows"] for name, told in found.items() if name in JOINS}
        if len(rows) > 1:
            sys.exit(f"not the same rows: { {name: told['rows'] for name, told in found.items()} }")
        for name, told in found.items():
            processor, ours = told["processor"], found["ours" if name in JOINS else "batches"]["processor"]
            speed, ratio = f"{millions * 1e6 / processor:,.0f}", f"{processor / ours:.1f}" if name in JOINS else ""
            numbers = (f"{told['wall']:.1f}", f"{processor:.1f}", speed, ratio, f"{told['peak_mib']:,.0f}")
            table.add_row(f"{millions:g} million", name, *numbers, str(told["rows"]))
    Console(width=160).print(table)


def _apart(what: str, folder: Path, memory_mib: int) -> dict[str, Any]:
    """One of ALONE in a process of its own."""
    command = [sys.executable, __file__, "--alone", what, str(folder), "--memory-mib", str(memory_mib)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def _measured(build: Callable[[Workspace, Path, int], str], folder: Path, memory_mib: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out = Path(scratch) / "out.parquet"
        wall, processor = time.perf_counter(), time.process_time()
        told = build(Workspace(folder), out, memory_mib)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        peak = peak_mib()
        rows = told or _digest(out)
    return {"wall": wall, "processor": processor, "peak_mib": peak, "rows": rows}


def _digest(path: Path) -> str:
    """How many rows there are, and a sum over what they hold."""
    text = pl.concat_str("example", pl.lit(":"), pl.col("items").cast(pl.List(pl.String)).list.join(","))
    rows, total = pl.scan_parquet(path).select(pl.len(), text.hash().sum().alias("sum")).collect(engine="streaming").row(0)
    return f"{rows:,} ({total % 10**6:06d})"


def _ours(workspace: Workspace, out: Path, memory_mib: int) -> str:
    vocabulary = Vocabulary([str(item) for item in range(ITEMS)])
    acts = pl.col("event_type") != "impression"
    columns = ("event_id", "user_id", "item_id", "event_type", "value", "event_time", "known_at")
    files = [file.filter(acts).select(columns) for file in workspace.read("events").scan_files(EVENTS)]
    memory = Memory(limit_bytes=memory_mib * 2**20, folder=out.parent)
    schema = pa.schema({"example": pa.string(), "items": pa.list_(pa.int32())})
    with pq.ParquetWriter(out, schema) as writer:
        for part in parts_of(files, "user_id", row_bytes=ROW_BYTES, memory=memory):
            rows = part.collect()
            past = build_interactions([rows.lazy()], vocabulary=vocabulary, relevance=Relevance(), known_before=NOW)
            asked = rows.filter(pl.col("event_type") == "purchase").select("event_id", "user_id", pl.col("event_time").dt.epoch("us"))
            for some in asked.sort("user_id", maintain_order=True).iter_slices(REQUESTS_AT_ONCE):
                histories = request_histories(past, some["user_id"].to_numpy().astype(object), some["event_time"].to_numpy()).distinct()
                from_the_end = np.repeat(histories.offsets[1:], np.diff(histories.offsets)) - np.arange(len(histories.kind))
                newest = histories.keep(from_the_end <= LENGTH)
                items = pa.ListArray.from_arrays(newest.offsets.astype(np.int32), newest.item_index.astype(np.int32))
                writer.write_table(pa.table([some["event_id"].to_arrow().cast(pa.string()), items], schema=schema))
    return ""


def _duckdb(workspace: Workspace, out: Path, memory_mib: int) -> str:
    import duckdb

    log = workspace.read("events")
    paths = [str(log.path(file)) for file in log.files()]
    database = duckdb.connect()
    database.execute(f"SET memory_limit='{memory_mib}MiB'; SET temp_directory='{out.parent}'; SET preserve_insertion_order=false")
    database.execute(
        f"""COPY (
            WITH acts AS (
                SELECT event_id, user_id, item_id::INTEGER AS item, event_type, event_time, known_at,
                    CASE event_type WHEN 'click' THEN 3 WHEN 'cart' THEN 4 ELSE 5 END AS kind
                FROM read_parquet(?) WHERE event_type <> 'impression'
            ), asked AS (SELECT event_id AS example, user_id, event_time AS predicted_at FROM acts WHERE event_type = 'purchase'
            ), known AS (
                SELECT example, item, max((kind, event_time)) AS best FROM asked JOIN acts USING (user_id)
                WHERE event_time < predicted_at AND known_at < predicted_at GROUP BY example, item
            ), histories AS (SELECT example, list(item ORDER BY best[2])[-{LENGTH}:] AS items FROM known GROUP BY example)
            SELECT example, coalesce(items, []) AS items FROM asked LEFT JOIN histories USING (example)
        ) TO '{out}' (FORMAT parquet)""",
        [paths],
    )
    return ""


def _pandas(workspace: Workspace, out: Path, _memory_mib: int) -> str:
    import pandas as pd

    log = workspace.read("events")
    columns = ["event_id", "user_id", "item_id", "event_type", "event_time", "known_at"]
    acts = pd.concat([pd.read_parquet(log.path(file), columns=columns).query("event_type != 'impression'") for file in log.files()])
    acts["item"] = acts.pop("item_id").astype(np.int32)
    acts["kind"] = acts.pop("event_type").map({"click": 3, "cart": 4, "purchase": 5}).astype(np.int8)
    asked = acts.loc[acts["kind"] == 5, ["event_id", "user_id", "event_time"]].rename(columns={"event_time": "predicted_at"})
    asked["row"] = np.arange(len(asked))
    known = asked[["row", "user_id", "predicted_at"]].merge(acts.drop(columns="event_id"), on="user_id")
    known = known[(known["event_time"] < known["predicted_at"]) & (known["known_at"] < known["predicted_at"])]
    known = known.sort_values(["row", "item", "kind", "event_time"]).drop_duplicates(["row", "item"], keep="last")
    known = known.sort_values(["row", "event_time"]).groupby("row").tail(LENGTH)
    offsets = np.r_[0, np.cumsum(np.bincount(known["row"], minlength=len(asked)))].astype(np.int32)
    items = pa.ListArray.from_arrays(offsets, known["item"].to_numpy())
    pq.write_table(pa.table({"example": pa.array(asked["event_id"]), "items": items}), out)
    return ""


def _load(workspace: Workspace) -> Interactions:
    vocabulary = Vocabulary([str(item) for item in range(ITEMS)])
    files = workspace.read("events").scan_files(EVENTS)
    return build_interactions(files, vocabulary=vocabulary, relevance=Relevance(), known_before=NOW)


def _batches(workspace: Workspace, _out: Path, _memory_mib: int) -> str:
    """From Parquet to the batches of an epoch, and how that compares with a Dataset that deals out the same arrays row by row."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    past = _load(workspace)
    sequences = Sequences(
        past, length=LENGTH, order="time", context_weight=1, half_life_days=0, tokens_per_batch=BATCH * LENGTH, seed=0, attributes={}
    )
    start, events = time.process_time(), 0
    for batch in sequences.epoch(0):
        told = {name: torch.from_numpy(getattr(batch, name)) for name in COLUMNS}
        events += int((told["kind"] > 0).sum())
    ours = events / (time.process_time() - start)
    distinct = past.distinct()
    wanted = distinct.relevant

    class Rows(Dataset[dict[str, torch.Tensor]]):
        """A history per row, padded to LENGTH."""

        def __len__(self) -> int:
            return min(ROWS_DEALT, distinct.num_users)

        def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
            """The newest LENGTH events of a user."""
            end = int(distinct.offsets[row + 1])
            some = slice(max(int(distinct.offsets[row]), end - LENGTH), end)
            padding = (0, LENGTH - (end - some.start))
            age = (distinct.event_time[end - 1] - distinct.event_time[some]) / 86_400e6
            columns = {
                "item_index": distinct.item_index[some],
                "kind": distinct.kind[some].astype(np.int64),
                "age_days": age.astype(np.float32),
                "event_time": distinct.event_time[some],
                "wanted": wanted[some],
                "loss_weight": np.ones(end - some.start, np.float32),
            }
            return {name: torch.from_numpy(np.pad(column, padding)) for name, column in columns.items()}

    start, dealt = time.process_time(), 0
    for rows in DataLoader(Rows(), batch_size=BATCH):
        dealt += int((rows["kind"] > 0).sum())
    theirs = dealt / (time.process_time() - start)
    return f"batches {ours:,.0f} events/s, Dataset {theirs:,.0f}: {ours / theirs:.1f} times"


JOINS = {"ours": _ours, "duckdb": _duckdb, "pandas": _pandas}
ALONE = {**JOINS, "batches": _batches}


if __name__ == "__main__":
    main()
