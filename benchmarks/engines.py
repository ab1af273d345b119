"""How long the stage `embed_items` takes by each engine, and whether the tables are the same.

    python benchmarks/engines.py [--items 512 --data ../shared/data/ml-latest-small --workers 2]

The same items by this process, by Daft's workers of this machine, and by a Ray of two workers that is started for it; each in a process
and a workspace of its own, one after the other, so the seconds hold all that a night pays: starting workers, opening models, encoding.
The data folder is as for benchmarks/embed.py; image weights are drawn, which costs the same.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from pipelines.config import load_config
from pipelines.nightly import STAGES, run_stage
from pipelines.progress import Progress
from recsys.encoders.image import ImageEncoderSpec, new_model, save_image_encoder

BEFORE = ("ingest_catalogue", "fetch_images")
ENGINES = {"local": [], "daft, this machine": ["engine=daft"], "daft, a local Ray": ["engine=daft", "ray_address=local"]}
SPEC = ImageEncoderSpec(model="mobilenetv2_100", options=(), pooling="levels", size=160, crop=0.875, mean=(0.5,) * 3, std=(0.5,) * 3)


def main() -> None:
    """Read the arguments, run every engine, print a table; with --alone, run one and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=512)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ml-latest-small"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-items", type=int, default=64)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone is not None:
        print(json.dumps(_embed(asked, asked.alone)))
        return
    table = Table("engine", "seconds", "of them the stage", "over local", "table", title=f"{asked.items} items, {asked.workers} workers")
    local = 0.0
    for name in ENGINES:
        started = time.perf_counter()
        output = subprocess.run([sys.executable, *sys.argv, "--alone", name], stdout=subprocess.PIPE, text=True, check=False).stdout
        seconds, found = time.perf_counter() - started, json.loads(output.strip().splitlines()[-1])
        local = local or found["seconds"]
        table.add_row(name, f"{seconds:.1f}", f"{found['seconds']:.1f}", f"{found['seconds'] / local:.2f}", found["digest"][:16])
    Console().print(table)


def _embed(asked: argparse.Namespace, name: str) -> dict[str, float | str]:
    """Seconds of the stage and the digest of its table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        settings = {"workspace": folder, "sources.images": str(asked.data.resolve()), "embed.shard_items": asked.shard_items}
        engine = dict(entry.split("=") for entry in ENGINES[name]) | {"workers": asked.workers}
        config = load_config(Path("configs/nightly.toml"), settings | {f"embed.{key}": value for key, value in engine.items()})
        items = pl.read_parquet(asked.data / "items.parquet").filter(pl.col("image_path").is_not_null()).head(asked.items)
        (root / "landing/catalogue").mkdir(parents=True)
        named = items.select(pl.col("item_id").cast(pl.String), "title", description="text", image_uri="image_path")
        named.write_parquet(root / "landing/catalogue/items.parquet")
        workspace, stages = config.open_workspace(), {stage.name: stage for stage in STAGES}
        always, progress = datetime.max.replace(tzinfo=UTC), Progress(Console(stderr=True))
        for stage in BEFORE:
            run_stage(stages[stage], config, workspace, always, progress, forced=False)
        for encoder in ("image_encoder", "fine_tuned_encoders"):
            with workspace.write(encoder) as writer:
                if encoder == "image_encoder":
                    save_image_encoder(writer.folder, SPEC, new_model(SPEC.model, (), seed=0))
                writer.commit()
        started = time.perf_counter()
        run_stage(stages["embed_items"], config, workspace, always, progress, forced=False)
        return {"seconds": time.perf_counter() - started, "digest": workspace.read("item_embeddings").manifest.content_digest}


if __name__ == "__main__":
    main()
