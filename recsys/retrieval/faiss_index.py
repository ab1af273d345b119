"""A faiss index over item vectors, tuned until it finds what exact search finds."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from recsys.retrieval.config import IndexConfig
from recsys.retrieval.exact import search_exact

INDEX, DESCRIPTION = "index.faiss", "index.json"
RECALL_AT = 100
SEED = 20
CODES = ("SQ8", "SQfp16", "Flat")
"""How an ivf index keeps a number: in 1, 2 or 4 bytes. One byte parts the range of a coordinate over all items: where a few lie far
out, or all score much alike, it cannot tell the best from the next."""


class IndexRecallError(Exception):
    """No setting of the index finds enough of what exact search finds."""


@dataclass(frozen=True, kw_only=True)
class IndexDescription:
    """What an index is and how it is to be searched."""

    kind: str
    """`flat` or `ivf`."""
    codes: str = ""
    """Of CODES, how an ivf index keeps numbers; empty: the index is flat, or older than this is told."""
    items: int
    nprobe: int
    """Lists probed per query; 0 for a flat index."""
    recall_at_100: float
    """Share of the exact 100 best that it finds, mean over the queries it was measured with."""
    queries: int
    """How many those were."""
    bytes: int


def build_index(
    vectors: npt.NDArray[np.float32], item_index: npt.NDArray[np.int64], queries: npt.NDArray[np.float32], config: IndexConfig
) -> tuple[faiss.Index, IndexDescription]:
    """Index rows by inner product, in the smallest CODES and with the fewest probed lists that find what is promised.

    Args:
        vectors: (rows, dim).
        item_index: (rows,) ids that a search returns; each once.
        queries: (queries, dim) of the kind that will be asked; recall is measured with them.
        config: Settings.

    Raises:
        ValueError: An id occurs twice, or a vector is not finite.
        IndexRecallError: Not even numbers of 4 bytes with every list probed find `config.min_recall`.
    """
    if len(np.unique(item_index)) != len(item_index):
        raise ValueError(f"{len(item_index) - len(np.unique(item_index))} items are in the index twice; ids must be unique")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{int((~np.isfinite(vectors).all(axis=1)).sum())} item vectors are not finite; train the retriever again")
    kind = config.kind if config.kind != "auto" else "flat" if len(vectors) <= config.flat_items else "ivf"
    exact = search_exact(queries, vectors, item_index, k=RECALL_AT)
    if kind == "flat":
        index, nprobe, codes = _flat(vectors, item_index), 0, ""
        recall = _recall(index, queries, exact)
    else:
        for codes in CODES:
            index = _ivf(vectors, item_index, codes)
            nprobe, recall = _probe(index, queries, exact, min_recall=config.min_recall)
            if recall >= config.min_recall or codes == CODES[-1]:
                break
            del index  # before the next, which is larger
    if recall < config.min_recall:
        cure = "items score alike, so which are the best is not told: lower min_recall" if kind == "flat" else 'set kind = "flat"'
        raise IndexRecallError(
            f"the {kind} index finds {recall:.3f} of the exact 100 best, promised are {config.min_recall}; {cure} in [index]"
        )
    size = len(faiss.serialize_index(index))
    return index, IndexDescription(
        kind=kind, codes=codes, items=len(vectors), nprobe=nprobe, recall_at_100=round(recall, 6), queries=len(queries), bytes=size
    )


def save_index(folder: Path, index: faiss.Index, description: IndexDescription) -> None:
    """Write index and description into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    faiss.write_index(index, str(folder / INDEX))
    (folder / DESCRIPTION).write_text(json.dumps(asdict(description), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_index(folder: Path) -> tuple[faiss.Index, IndexDescription]:
    """Read what `save_index` wrote, set to probe as many lists as were found right."""
    description = IndexDescription(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
    index = faiss.read_index(str(folder / INDEX))
    if description.nprobe:
        faiss.extract_index_ivf(index).nprobe = description.nprobe
    return index, description


def _flat(vectors: npt.NDArray[np.float32], item_index: npt.NDArray[np.int64]) -> faiss.Index:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(np.ascontiguousarray(vectors), item_index)
    return index


def _ivf(vectors: npt.NDArray[np.float32], item_index: npt.NDArray[np.int64], codes: str) -> faiss.Index:
    lists = max(1, min(round(4 * len(vectors) ** 0.5), len(vectors) // 39))  # faiss wants 39 vectors to place a list
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},{codes}", faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).cp.seed = SEED
    index.train(np.ascontiguousarray(vectors))
    index.add_with_ids(np.ascontiguousarray(vectors), item_index)
    return index


def _probe(index: faiss.Index, queries: npt.NDArray[np.float32], exact: npt.NDArray[np.int64], *, min_recall: float) -> tuple[int, float]:
    """Set the index to probe the fewest lists that find enough, else all; how many those are, and what they find."""
    inverted = faiss.extract_index_ivf(index)
    nprobe, recall = 0, 0.0
    for nprobe in _doublings(inverted.nlist):
        inverted.nprobe = nprobe
        recall = _recall(index, queries, exact)
        if recall >= min_recall:
            break
    return nprobe, recall


def _recall(index: faiss.Index, queries: npt.NDArray[np.float32], exact: npt.NDArray[np.int64]) -> float:
    if not exact.size:
        return 1.0
    found = index.search(np.ascontiguousarray(queries), exact.shape[1])[1]
    return float(np.mean([np.isin(row, listed).mean() for row, listed in zip(exact, found, strict=True)]))


def _doublings(most: int) -> list[int]:
    return [*(2**power for power in range(most.bit_length()) if 2**power < most), most]
