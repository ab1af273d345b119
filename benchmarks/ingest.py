"""How many events a second the stage `ingest_events` takes in, and in how much memory, as their number grows.

    python benchmarks/ingest.py [--millions 1 5 10] [--memory-mib 1024] [--shuffled]

For each number: made-up events in Parquet files of a landing folder, in order of time or shuffled; then, each in a process of its own, the
stage over all of them, and the same with one day more. Speeds are per second of processor time, which other work on the machine changes
less than wall time. Peak memory is that of the process; what it had taken before the stage began is told beside it. Everything lies in a
temporary folder and is removed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from made_up_events import DAYS, made_up_events, peak_mib
from rich.console import Console
from rich.table import Table

from pipelines.config import parse_config
from pipelines.progress import Progress
from pipelines.stage import StageContext
from pipelines.stages.ingest_events import STAGE

USERS = 300_000
ROWS_AT_ONCE = 500_000
MIB = 2**20


def main() -> None:
    """Read the arguments, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 5])
    parser.add_argument("--memory-mib", type=int, default=1024)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--ingest", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ingest:
        print(json.dumps(_ingest(asked.ingest, asked.memory_mib)))
        return
    table = Table(title=f"ingest_memory_mib = {asked.memory_mib}, {'shuffled' if asked.shuffled else 'in order of time'}")
    for heading in (
        "events",
        "wall s",
        "processor s",
        "events/s",
        "over the first",
        "peak MiB",
        "before",
        "log MiB",
        "a day more, s",
        "peak MiB",
    ):
        table.add_column(heading, justify="right")
    first = None
    for millions in asked.millions:
        with tempfile.TemporaryDirectory() as folder:
            rows = int(millions * 1e6)
            _draw(Path(folder), rows, shuffled=asked.shuffled)
            all_of_them = _apart(folder, asked.memory_mib)
            _write(Path(folder), "later.parquet", np.random.default_rng(1), rows // DAYS, start=float(DAYS), days=1.0, shuffled=False)
            later = _apart(folder, asked.memory_mib)
        speed = rows / all_of_them["processor"]
        first = first or speed
        numbers = (all_of_them["wall"], all_of_them["processor"], speed, speed / first)
        memory = (all_of_them["peak_mib"], all_of_them["before_mib"], all_of_them["log_mib"], later["processor"], later["peak_mib"])
        forms = (".1f", ".1f", ",.0f", ".2f", ",.0f", ",.0f", ",.0f", ".1f", ",.0f")
        table.add_row(f"{rows:,}", *(format(number, form) for number, form in zip((*numbers, *memory), forms, strict=True)))
    Console(width=140).print(table)


def _draw(root: Path, rows: int, *, shuffled: bool) -> None:
    """Landing files of ROWS_AT_ONCE events."""
    generator = np.random.default_rng(0)
    files = max(1, rows // ROWS_AT_ONCE)
    for number in range(files):
        days = DAYS / files
        _write(root, f"{number:04d}.parquet", generator, rows // files, start=number * days, days=days, shuffled=shuffled)


def _write(root: Path, name: str, generator: np.random.Generator, rows: int, *, start: float, days: float, shuffled: bool) -> None:
    moments = generator.uniform(0, DAYS, rows) if shuffled else np.sort(start + generator.uniform(0, days, rows))
    frame = made_up_events(generator, moments, users=USERS)
    (root / "landing" / "events").mkdir(parents=True, exist_ok=True)
    frame.write_parquet(root / "landing" / "events" / name)


def _apart(folder: str, memory_mib: int) -> dict[str, float]:
    """The stage in a process of its own."""
    command = [sys.executable, __file__, "--ingest", folder, "--memory-mib", str(memory_mib)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _ingest(root: Path, memory_mib: int) -> dict[str, float]:
    config = parse_config({"workspace": str(root), "sources": {"ingest_memory_mib": memory_mib}})
    workspace = config.open_workspace()
    before = peak_mib()
    wall, processor = time.perf_counter(), time.process_time()
    STAGE.run(StageContext(workspace=workspace, config=config, date=datetime.now(UTC), progress=Progress(), stage=STAGE))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    files = workspace.read("events").manifest.files
    log_mib = sum(entry["bytes"] for entry in files.values()) / MIB
    return {"wall": wall, "processor": processor, "peak_mib": peak_mib(), "before_mib": before, "log_mib": log_mib}


if __name__ == "__main__":
    main()
