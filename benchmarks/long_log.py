"""A long log through `vitrine` itself, from landing files to the release: how long it takes, in how much memory, to how many rows.

    python benchmarks/long_log.py make FOLDER [--millions 50]      # a shop: landing files, a catalogue without words or photos, shop.toml
    python benchmarks/long_log.py run FOLDER [--set KEY=VALUE ...]  # `vitrine nightly --until STAGE`, stage by stage, then the whole night

Every stage that reads the log runs in a process of its own, together with the small ones before it, so the peak is of that stage; some
650 MiB of it, and some seconds of its time, are the command itself. What is done is not done again, so a run that was ended goes on. The
folder takes 1.5 GB with 50 million events, several times that while they are taken in, and is yours to remove. Of events that nobody caused
nothing can be learned: the settings are cheap, and no gate asks whether popularity is beaten.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from made_up_events import made_up_catalogue, months_of_events
from rich.console import Console
from rich.table import Table

from feature_store.layout import Workspace
from pipelines.nightly import STAGES

STOPS = (
    "ingest_catalogue",
    "ingest_events",
    "embed_items",
    "profile_inputs",
    "compute_item_features",
    "compute_user_features",
    "build_examples",
    "build_snapshot",
    "audit_leaks",
    "train_retriever",
    "build_index",
    "train_ranker",
    "evaluate_models",
    "publish_release",
)
ROWS_IN_FILE = 500_000
SHOP = """\
workspace = {folder!r}

[sources]
ingest_memory_mib = 1024

[features]
memory_mib = 1024

[cuts]
ranker_quantile = 0.96
validation_quantile = 0.98
test_quantile = 0.99

[retriever]
full_softmax_items = 50_000
tokens_per_batch = 2560
events_per_epoch = 500_000
epochs = 2

[ranker]
max_requests = 2000

[evaluation]
baselines = ["popularity"]
most_users = 5000

[gates]
beats_popularity = false

[release]
query_encoders = false
"""


def main() -> None:
    """Read the arguments; make the shop, or run its stages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--millions", type=float, default=50)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for `vitrine nightly`; may be repeated")
    asked = parser.parse_args()
    if asked.what == "make":
        _make(asked.folder.resolve(), int(asked.millions * 1e6))
    else:
        _run(asked.folder.resolve(), asked.set)


def _make(folder: Path, rows: int) -> None:
    generator = np.random.default_rng(0)
    for name in ("events", "catalogue"):
        (folder / "landing" / name).mkdir(parents=True)
    made_up_catalogue(generator).write_parquet(folder / "landing" / "catalogue" / "items.parquet")
    for month, events in enumerate(months_of_events(generator, rows)):
        for number, some in enumerate(events.iter_slices(ROWS_IN_FILE)):
            some.write_parquet(folder / "landing" / "events" / f"{month:02d}-{number:03d}.parquet")
    (folder / "shop.toml").write_text(SHOP.format(folder=str(folder)), encoding="utf-8")


def _run(folder: Path, overrides: list[str]) -> None:
    table = Table()
    for heading in ("stage", "rows", "wall s", "processor s", "peak MiB", "table MiB"):
        table.add_column(heading, justify="right")
    for stage in (stage for stage in STAGES if stage.name in STOPS):
        used = _night(folder, overrides, "--until", stage.name)
        manifest = Workspace(folder).read(stage.writes).manifest
        written = sum(entry["bytes"] for entry in manifest.files.values()) / 2**20
        table.add_row(stage.name, f"{manifest.facts.get('rows', 0):,}", *used, f"{written:,.0f}")
        Console(width=120).print(table)
    table.add_row("the whole night", "", *_night(folder, overrides), "")
    Console(width=120).print(table)


def _night(folder: Path, overrides: list[str], *until: str) -> tuple[str, str, str]:
    """Wall seconds, processor seconds and peak MiB of a `vitrine nightly`."""
    command = [sys.executable, "-m", "pipelines.cli", "nightly", "--config", str(folder / "shop.toml"), *until]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *(f"--set={entry}" for entry in overrides)])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(until) or 'the night'} ended with {os.waitstatus_to_exitcode(status)}")
    return f"{time.perf_counter() - started:,.0f}", f"{used.ru_utime + used.ru_stime:,.0f}", f"{used.ru_maxrss / 1024:,.0f}"


if __name__ == "__main__":
    main()
