"""How fast the retriever trains: against the peer's SASRec of equal size, its softmax against the plain one, and a table of many items.

    python benchmarks/train.py peer [--interactions FILE]   # needs rectools and pytorch-lightning: an environment of their own will do
    python benchmarks/train.py softmax
    python benchmarks/train.py table [--rows 10000000]

One thread. `peer` trains ids alone, 64 dimensions, 2 blocks, 2 heads, 50 events, full softmax, and counts targets; an epoch takes
half of what three take longer than one, so that setting up counts for nobody. `table` prints the most memory that the process ever held.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.items import ALWAYS, FOR_EVER, Items
from recsys.data.relevance import Kind, Relevance
from recsys.encoders.torchvision_operators import declare_torchvision_operators
from recsys.losses.candidate_softmax import LEAST_ROWS, LOGITS_AT_ONCE, candidate_softmax
from recsys.training.config import RetrieverConfig
from recsys.training.retriever import train_retriever
from recsys.vocabulary import Vocabulary

LENGTH = 50
PEER_BATCH = 128
"""Histories in a batch of the peer, its default."""
CONFIG = RetrieverConfig(modalities=(), match_dim=0, cold_every=0, order="time", use_time_gap=False, history_length=LENGTH)
TABLE_USERS, TABLE_EVENTS = 20_000, 20
SOFTMAX_SIZES = ((4096, 4096), (640, 20_000), (640, 100_000))
"""Targets and candidates."""
SOFTMAX_DIM, SOFTMAX_RUNS = 64, 7


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["peer", "softmax", "table"])
    parser.add_argument(
        "--interactions", type=Path, default=Path("../shared/data/xwines/interactions.parquet"), help="user_id, item_id, timestamp in s"
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="items of `table`")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.what == "peer":
        _peer(pl.read_parquet(asked.interactions, columns=["user_id", "item_id", "timestamp"]))
    elif asked.what == "softmax":
        for targets, candidates in SOFTMAX_SIZES:
            _softmax(targets, candidates)
    else:
        _table(asked.rows)


def _peer(events: pl.DataFrame) -> None:
    events = events.sort("timestamp", maintain_order=True).unique(["user_id", "item_id"], keep="last", maintain_order=True)
    user, item = (
        events[name].cast(pl.String).cast(pl.Categorical).to_physical().to_numpy().astype(np.int64) for name in ("user_id", "item_id")
    )
    items, past = _world(user, item, events["timestamp"].to_numpy() * 1_000_000, num_items=int(item.max()) + 1)
    counts = np.diff(past.offsets)
    peer_targets = int(np.minimum(counts, LENGTH + 1).sum() - len(counts))  # of longer histories the peer reads the newest; no first events
    table = Table("who", "events a batch", "targets an epoch", "seconds an epoch", "targets/s", "ours / peer")
    seconds = _epoch_seconds(partial(_fit_peer, events))
    peer = peer_targets / seconds
    table.add_row("RecTools SASRec", f"{PEER_BATCH * LENGTH} with padding", f"{peer_targets:,}", f"{seconds:.1f}", f"{peer:,.0f}", "")
    for tokens in (CONFIG.tokens_per_batch, PEER_BATCH * LENGTH):
        seconds = _epoch_seconds(partial(_fit_ours, items, past, replace(CONFIG, tokens_per_batch=tokens)))
        rate = len(past.item_index) / seconds
        table.add_row("ours", f"{tokens}", f"{len(past.item_index):,}", f"{seconds:.1f}", f"{rate:,.0f}", f"{rate / peer:.1f}")
    Console().print(table)


def _world(
    user: npt.NDArray[np.int64], item: npt.NDArray[np.int64], moment: npt.NDArray[np.int64], *, num_items: int
) -> tuple[Items, Interactions]:
    """Bare items and who liked them when, in microseconds; users and items are numbers."""
    order = np.lexsort((moment, user))
    users, counts = np.unique(user, return_counts=True)
    none = np.zeros(0, np.int64)
    items = Items(
        vocabulary=Vocabulary([str(number) for number in range(num_items)]),
        vectors={},
        presence={},
        category_names=(),
        category_offsets=np.zeros(num_items + 1, np.int64),
        category_index=none,
        price=np.full(num_items, np.nan, np.float32),
        in_stock=np.ones(num_items, bool),
        available_from=np.full(num_items, ALWAYS),
        available_to=np.full(num_items, FOR_EVER),
    )
    past = Interactions(
        user_ids=users.astype(str).astype(object),
        offsets=np.r_[0, np.cumsum(counts)].astype(np.int64),
        item_index=item[order],
        kind=np.full(len(item), Kind.LIKED, np.int8),
        event_time=moment[order],
        known_at=moment[order],
        relevant_kinds=Relevance().relevant_kinds(),
        num_items=num_items,
    )
    return items, past


def _fit_ours(items: Items, past: Interactions, config: RetrieverConfig, epochs: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        train_retriever(items, past, config, epochs=epochs, validate=None, scratch=Path(scratch), track=lambda steps, **_: steps)


def _fit_peer(events: pl.DataFrame, epochs: int) -> None:
    declare_torchvision_operators()
    from pytorch_lightning import Trainer
    from rectools.dataset import Dataset
    from rectools.models.nn.transformers.sasrec import SASRecModel

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
        )

    log = events.select("user_id", "item_id", weight=1.0, datetime=pl.from_epoch("timestamp", time_unit="s")).to_pandas()
    model = SASRecModel(
        n_blocks=CONFIG.blocks,
        n_heads=CONFIG.heads,
        n_factors=CONFIG.embedding_dim,
        dropout_rate=CONFIG.dropout,
        session_max_len=LENGTH,
        batch_size=PEER_BATCH,
        loss="softmax",
        epochs=epochs,
        get_trainer_func=trainer,
    )
    model.fit(Dataset.construct(log))


def _epoch_seconds(fit: Callable[[int], None]) -> float:
    """What each further epoch takes."""
    taken = {}
    for epochs in (1, 3):
        started = time.perf_counter()
        fit(epochs)
        taken[epochs] = time.perf_counter() - started
    return (taken[3] - taken[1]) / 2


def _softmax(targets: int, candidates: int) -> None:
    torch.manual_seed(0)
    users, items = (torch.randn(rows, SOFTMAX_DIM, requires_grad=True) for rows in (targets, candidates))
    target, weight = torch.arange(targets), torch.ones(targets)
    runs: dict[str, Callable[[], Tensor]] = {
        "plain cross-entropy": lambda: F.cross_entropy(users @ items.T, target),
        "candidate_softmax": lambda: candidate_softmax(users, items, target, weight),
        "its three products of matrices": lambda: _products(users, items),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(SOFTMAX_RUNS):
        for name, loss in runs.items():  # in turns, so that a busy moment hurts both
            users.grad = items.grad = None
            started = time.process_time()
            torch.autograd.backward(loss())
            seconds[name].append(time.process_time() - started)
    plain = statistics.median(seconds["plain cross-entropy"])
    print(f"{targets} x {candidates} x {SOFTMAX_DIM}, loss and gradients, processor time, median of {SOFTMAX_RUNS}:")
    for name, values in seconds.items():
        taken = statistics.median(values)
        print(f"{name}: {1000 * taken:.0f} ms, plain / this {plain / taken:.2f}")


def _products(users: Tensor, items: Tensor) -> Tensor:
    """What any exact softmax and its gradients must multiply, in blocks of rows, and nothing else."""
    with torch.no_grad():
        for some in users.split(max(LEAST_ROWS, LOGITS_AT_ONCE // len(items))):
            logits = some @ items.T
            logits @ items
            logits.T @ some
    return (users.sum() + items.sum()) * 0


def _table(rows: int) -> None:
    random = np.random.default_rng(0)
    user = np.repeat(np.arange(TABLE_USERS), TABLE_EVENTS)
    items, past = _world(user, random.integers(0, rows, len(user)), random.integers(0, 10**12, len(user)), num_items=rows)
    seconds = _epoch_seconds(partial(_fit_ours, items, past, replace(CONFIG, full_softmax_items=0, tokens_per_batch=4096)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{rows:,} items, {len(user):,} events: {len(user) / seconds:,.0f} targets/s, peak {peak:.1f} GiB")


if __name__ == "__main__":
    main()
