"""From a cut of a data set to a judged table: import, one night, recommendations, baselines, judge.

    python benchmarks/quality.py --cut OUT --config configs/xwines.toml
    python benchmarks/quality.py --cut OUT          # a source that has no config here: the names of its columns tell the mapping

OUT is what the judge's cut.py wrote: OUT/train is imported into a fresh workspace (OUT/workspace), a night runs on it, its release
recommends to OUT/users.parquet from OUT/candidates.parquet, with the retriever alone (OUT/mine.parquet) and with the ranker behind it
(OUT/slate.parquet), and the judge compares the files with those of its own baselines.
OUT/truth.parquet is never read here.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl
import polars.selectors as cs
from rich.console import Console
from rich.table import Table

VITRINE = [sys.executable, "-m", "pipelines.cli"]
REFUSED_BY_GATE = 3
ANY_STARS = "leave-last-out"
"""The protocol that asks for the last item of a user whatever its stars, as papers do; baselines and night learn from all of them."""
EVENT_COLUMNS = {
    "user_id": "user_id",
    "item_id": "item_id",
    "event_type": "event",
    "value": "rating",
    "text": "tag",
    "event_time": "timestamp",
}
CATALOGUE_COLUMNS = {"item_id": "item_id", "title": "title", "description": "text", "category": "category", "image_uri": "image_path"}
"""Ours -> those of the judge's sources, which need not have all of them."""
NO_ATTRIBUTES = ("tags", "text_source")
"""What users said of an item, some of it after any cut; and where its text is from."""
CONFIG = """\
workspace = ""

[mapping.events]
file = "interactions.parquet"
columns = {{ {events} }}
time_unit = "s"

[mapping.catalogue]
file = "items.parquet"
columns = {{ {items} }}
attributes = {attributes}
image_root = "images"

[relevance]
events = ["rating"]
positive_rating = 4

[retriever]
use_time_gap = false
"""
METRIC = re.compile(r"([a-z]+@?\d*) (\d\.\d{4})")
AGAINST = re.compile(r"first - this: (\S+) ([+-]\d\.\d+) \[([+-]\d\.\d+), ([+-]\d\.\d+)\]")


def main() -> None:
    """Read the arguments, run every step, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cut", type=Path, required=True, help="folder that cut.py wrote")
    parser.add_argument("--config", type=Path, help="maps the columns of the cut; its workspace is replaced. Without one: by their names")
    parser.add_argument("--judge", type=Path, default=Path("../shared/judge"), help="folder of cut.py, baselines.py and judge.py")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the config; may be repeated")
    parser.add_argument("--keep", action="store_true", help="go on in the workspace of an earlier run instead of a fresh one")
    args = parser.parse_args()

    workspace = args.cut / "workspace"
    if not args.keep:
        shutil.rmtree(workspace, ignore_errors=True)
    config = args.cut / "config.toml"
    told = args.config.read_text(encoding="utf-8") if args.config else config_by_names(args.cut / "train")
    config.write_text(re.sub(r"(?m)^workspace = .*$", f'workspace = "{workspace.resolve()}"', told), encoding="utf-8")
    started = time.perf_counter()
    if not (workspace / "landing").exists():
        call([*VITRINE, "import", str(args.cut / "train"), "--config", str(config)])
    overrides = [word for entry in [*settings_of(args.cut), *args.set] for word in ("--set", entry)]
    call([*VITRINE, "nightly", "--config", str(config), *overrides], allowed=(0, REFUSED_BY_GATE))
    night_seconds = time.perf_counter() - started
    newest = max((workspace / "releases").glob("*/release.json"), key=lambda path: path.stat().st_mtime).parent.name
    asked = ["--users", str(args.cut / "users.parquet"), "--candidates", str(args.cut / "candidates.parquet"), "--k", "100"]
    recommend = [*VITRINE, "recommend", "--config", str(config), *asked, "--release", newest]
    mine, slate = args.cut / "mine.parquet", args.cut / "slate.parquet"
    call([*recommend, "--stage", "retrieval", "--out", str(mine)])
    call([*recommend, "--stage", "slate", "--out", str(slate)])
    files = [mine, slate, *baseline_files(args.cut, args.judge)]
    if protocol_of(args.cut) == "cold-items":  # the judge has no baseline that knows an item without events
        files.append(args.cut / "content_knn.parquet")
        call([*recommend, "--model", "content_knn", "--out", str(files[-1])])
    judged = subprocess.run(
        [sys.executable, str(args.judge / "judge.py"), str(args.cut), *map(str, files)], capture_output=True, text=True, check=True
    )
    print(judged.stdout)
    Console(width=160).print(table_of(judged.stdout))
    print(f"import and night: {night_seconds:.0f} s")


def config_by_names(train: Path) -> str:
    """A config for ratings whose columns are called as those of the judge's own sources are.

    Every further column of items with few values is an attribute, but for moments and real numbers: a mean, such as of ratings, would know
    what came after the cut. What is left out is told.
    """
    events = pl.read_parquet_schema(train / "interactions.parquet")
    if missing := {"user_id", "item_id", "event", "rating", "timestamp"} - set(events):
        sys.exit(f"{train / 'interactions.parquet'} has no column {', '.join(sorted(missing))}; pass --config with a [mapping] of its own")
    items = pl.read_parquet(train / "items.parquet")
    further = items.select(cs.exclude("item_id", *CATALOGUE_COLUMNS.values(), *NO_ATTRIBUTES))
    readable = further.select(cs.exclude(cs.float(), cs.temporal(), cs.struct()))
    few = [column.name for column in readable if column.drop_nulls().n_unique() < column.count() / 2]
    print(f"attributes: {', '.join(few) or 'none'}; left out: {', '.join(name for name in further.columns if name not in few) or 'none'}")
    return CONFIG.format(
        events=_pairs(EVENT_COLUMNS, events), items=_pairs(CATALOGUE_COLUMNS, items.columns), attributes=json.dumps(few, ensure_ascii=False)
    )


def _pairs(wanted: Mapping[str, str], there: Collection[str]) -> str:
    return ", ".join(f'{ours} = "{theirs}"' for ours, theirs in wanted.items() if theirs in there)


def baseline_files(cut: Path, judge: Path) -> list[Path]:
    """Files of the judge's own baselines for this cut, written once."""
    protocol = protocol_of(cut)
    liked = ["--min-rating", "0"] if protocol == ANY_STARS else []
    settings = {
        "ease": ["--model", "ease", "--strength", "400"],
        "ease_faded": ["--model", "ease", "--strength", "400", "--low-weight", "0.5", "--half-life-days", "730"],
        "item_knn": ["--model", "item_knn", "--strength", "400"],
        "popularity": ["--model", "popularity"],
    }
    if protocol == "cold-items":
        settings = {"popularity": settings["popularity"]}  # the others know nothing of an item without events
    files = []
    for name, setting in settings.items():
        files.append(cut / f"{name}.parquet")
        if not files[-1].exists():
            call([sys.executable, str(judge / "baselines.py"), str(cut), str(files[-1]), *setting, *liked])
    return files


def settings_of(cut: Path) -> list[str]:
    """What a protocol asks of the night."""
    return ["relevance.positive_rating=0", "cuts.choose_by=last_choices"] if protocol_of(cut) == ANY_STARS else []


def protocol_of(cut: Path) -> str:
    """How the cut was made."""
    protocol: str = json.loads((cut / "cut.json").read_text(encoding="utf-8"))["protocol"]
    return protocol


def table_of(printed: str) -> Table:
    """What the judge printed, one row per file."""
    table = Table("file", "NDCG@10", "Recall@10", "Recall@100", "MRR", "ours less this, NDCG@10", "Recall@100")
    for block in re.split(r"(?m)^(?=\S+\.parquet$)", printed):
        name, _, rest = block.partition("\n")
        values = dict(METRIC.findall(rest))
        if values:
            against = {metric: f"{mean} [{low}, {high}]" for metric, mean, low, high in AGAINST.findall(rest)}
            row = (values["ndcg@10"], values["recall@10"], values["recall@100"], values["mrr"])
            table.add_row(Path(name).stem, *row, against.get("ndcg@10", ""), against.get("recall@100", ""))
    return table


def call(command: list[str], *, allowed: tuple[int, ...] = (0,)) -> None:
    """Run a command with its output shown; end with its exit code where it is not allowed."""
    code = subprocess.call(command)
    if code not in allowed:
        sys.exit(f"{' '.join(command[:4])} … ended with exit code {code}")


if __name__ == "__main__":
    main()
