"""Item features of one more day with late events: every day counted, against the new and changed ones alone.

    python benchmarks/late_events.py [--millions 2] [--memory-mib 1024]

A made-up log of so many events, without its last day and without some events of the three days before, is counted by the stage
`compute_item_features`; then the day comes, and with it those events, one to a hundred of the day, known since they happened. The stage is
run once more on that, and once where no earlier build is; both must make the same table. Each run is a process of its own; seconds are of
the processor, of the stage alone. Everything lies in a temporary folder.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from made_up_events import peak_mib, write_log
from rich.console import Console
from rich.table import Table

from feature_store.layout import Workspace
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from pipelines.config import parse_config
from pipelines.inputs import resolve_cuts
from pipelines.nightly import end_of_log
from pipelines.progress import Progress
from pipelines.stage import StageContext, clear_scratch
from pipelines.stages.compute_item_features import STAGE

LATE_SHARE = 0.01
"""Late events that come with a day, as a share of its own."""
LATE_DAYS = 3


def main() -> None:
    """Read the arguments, make both logs, run the stage on them and print a table; with --alone, run it once and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, default=2)
    parser.add_argument("--memory-mib", type=int, default=1024)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone is not None:
        print(json.dumps(_counted(asked.alone, asked.memory_mib)))
        return
    table = Table(title=f"{asked.millions:g} million events")
    for heading in ("night", "days made", "days kept", "processor s", "of them the cuts", "peak MiB", "rows", "table"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        carried, whole = (Workspace(Path(folder) / name) for name in ("carried", "whole"))
        write_log(carried, int(asked.millions * 1e6))
        events = carried.read("events").scan(EVENTS).collect()
        day = events["event_time"][-1].replace(hour=0, minute=0, second=0, microsecond=0)
        late = events.filter(pl.col("event_time").is_between(day - timedelta(days=LATE_DAYS), day, closed="left"))
        late = late.sample(round(LATE_SHARE * events.filter(pl.col("event_time") >= day).height), seed=0)
        held_back = pl.col("event_id").is_in(late["event_id"].implode())
        events = events.with_columns(known_at=pl.when(held_back).then("event_time").otherwise("known_at"))
        first = events.filter(pl.col("event_time") < day, ~held_back)
        for workspace in (carried, whole):
            with workspace.write("review_sentiment") as writer:
                writer.write(REVIEW_SENTIMENT.empty(), REVIEW_SENTIMENT)
                writer.commit()
        runs = {"before the day": (carried, first), "the day, carried on": (carried, events), "the day, all counted": (whole, events)}
        for name, (workspace, log) in runs.items():
            _write(workspace, log, day)
            command = [sys.executable, *sys.argv, "--alone", str(workspace.root)]
            found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
            counts = (f"{found[key]:,}" for key in ("made", "kept"))
            measures = (f"{found['seconds']:.1f}", f"{found['cuts']:.1f}", f"{found['peak']:,.0f}", f"{found['rows']:,}")
            table.add_row(name, *counts, *measures, found["digest"][:12])
            Console(width=120).print(table)


def _write(workspace: Workspace, events: pl.DataFrame, day: datetime) -> None:
    """The table `events` as nights leave it: a file for each month, and the newest day in one of its own."""
    month = pl.col("event_time").dt.strftime("%Y-%m/part-00000")
    name = pl.when(pl.col("event_time") < day).then(month).otherwise(pl.lit(f"{day:%Y-%m}/part-{(day.day - 1) * 1440:05d}"))
    with workspace.write("events") as writer:
        for (file,), rows in events.with_columns(_file=name).partition_by("_file", as_dict=True, include_key=False).items():
            writer.write(rows.rechunk(), EVENTS, file=f"event_month={file}.parquet")
        writer.commit(facts={"rows": events.height, "last": events["event_time"][-1].isoformat()})


def _counted(root: Path, memory_mib: int) -> dict[str, Any]:
    """What the stage took and made."""
    config = parse_config({"workspace": str(root), "features": {"memory_mib": memory_mib}})
    workspace = config.open_workspace()
    context = StageContext(
        workspace=workspace, config=config, date=end_of_log(workspace), progress=Progress(Console(quiet=True)), stage=STAGE
    )
    began = time.process_time()
    STAGE.run(context)
    ended = time.process_time()
    resolve_cuts(config, workspace.read("events"), date=context.date)
    cuts = time.process_time() - ended
    clear_scratch(STAGE, workspace)
    manifest = workspace.read(STAGE.writes).manifest
    measured = {"seconds": ended - began, "cuts": cuts, "peak": peak_mib(), "digest": manifest.content_digest}
    return {**measured, **manifest.facts["days"], "rows": manifest.facts["rows"]}


if __name__ == "__main__":
    main()
