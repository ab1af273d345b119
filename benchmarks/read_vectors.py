"""What it costs to bring the vectors of a table into torch: decoded and used where they lie, or copied on the way.

    python benchmarks/read_vectors.py [--items 200000 --dim 384]

A file of `item_embeddings` is read by polars; then its vectors become a tensor, once over the memory they were read into
(`feature_store.embeddings.numbers_of`), once by a copy through numpy. Processor seconds, the least of five, and the bytes that each adds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch
from rich.console import Console
from rich.table import Table

from feature_store.embeddings import numbers_of


def main() -> None:
    """Read the arguments, measure in fp32 and fp16, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=384)
    asked = parser.parse_args()
    table = Table("on disk", "file, MB", "decode, s", "to torch over it, s", "more MB", "by a copy, s", "more MB")
    drawn = np.random.default_rng(0).standard_normal((asked.items, asked.dim), np.float32)
    for name, dtype in (("fp32", pl.Float32), ("fp16", pl.Float16)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "part.parquet"
            pl.DataFrame(
                {"vector": pl.Series(drawn, dtype=pl.Array(pl.Float32, asked.dim)).cast(pl.Array(dtype, asked.dim))}
            ).write_parquet(path, compression="zstd")
            decode = _least(lambda path=path: pl.read_parquet(path))
            vectors = pl.read_parquet(path)["vector"]
            over = _least(lambda vectors=vectors: [torch.from_dlpack(part) for part in numbers_of(vectors)])
            copied = _least(lambda vectors=vectors: torch.from_numpy(vectors.to_numpy().copy()))
            file_mb, all_mb = path.stat().st_size / 1e6, asked.items * asked.dim * (4 if name == "fp32" else 2) / 1e6
            table.add_row(name, f"{file_mb:.0f}", f"{decode:.3f}", f"{over:.6f}", "0", f"{copied:.3f}", f"{all_mb:.0f}")
    Console().print(table)


def _least(run: Callable[[], object], *, turns: int = 5) -> float:
    seconds = []
    for _ in range(turns):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
