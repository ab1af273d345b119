"""What is known of every item, as arrays with one row per item: what towers, baselines and the ranker read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.embeddings import numbers_of
from recsys.data.interactions import microseconds
from recsys.data.knowledge import Relation, build_relations
from recsys.vocabulary import Vocabulary

ALWAYS = np.iinfo(np.int64).min
FOR_EVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Items:
    """The catalogue; row i is the item with item_index i."""

    vocabulary: Vocabulary
    vectors: Mapping[str, npt.NDArray[np.float32]]
    """modality -> (items, dim); rows of items without it are zero and must not be read: see `presence`."""
    presence: Mapping[str, npt.NDArray[np.bool_]]
    """modality -> (items,), for every modality in `vectors`."""
    category_names: tuple[str, ...]
    category_offsets: npt.NDArray[np.int64]
    """(items + 1,): categories of item i are category_index[offsets[i] : offsets[i + 1]]."""
    category_index: npt.NDArray[np.int64]
    knowledge: Mapping[str, Relation] = field(default_factory=dict)
    """Relation -> entities, e.g. grapes; empty where nothing is known, or nobody asked."""
    price: npt.NDArray[np.float32]
    """(items,); NaN where unknown."""
    in_stock: npt.NDArray[np.bool_]
    available_from: npt.NDArray[np.int64]
    """(items,), microseconds since 1970 UTC; ALWAYS where open."""
    available_to: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vocabulary)

    def available(self, moment: datetime) -> npt.NDArray[np.bool_]:
        """(items,): may the item be shown at this moment? Being out of stock does not count here: it is known only for today."""
        now = microseconds(moment)
        return (self.available_from <= now) & (now < self.available_to)

    def first_category(self) -> npt.NDArray[np.int64]:
        """(items,): the widest category of each item; -1 where it has none."""
        has = np.diff(self.category_offsets) > 0
        first = np.full(len(self), -1)
        first[has] = self.category_index[self.category_offsets[:-1][has]]
        return first


def build_items(catalogue: pl.DataFrame, embeddings: Mapping[str, pl.DataFrame], knowledge: pl.DataFrame | None = None) -> Items:
    """Arrays of a catalogue.

    Args:
        catalogue: Rows of the table `catalogue`; their order becomes item_index.
        embeddings: modality -> rows of the table `item_embeddings` of that modality, in any order.
        knowledge: Rows of the table `knowledge`.
    """
    vocabulary = Vocabulary(catalogue["item_id"].to_list())
    vectors, presence = {}, {}
    for modality, rows in embeddings.items():
        vectors[modality], presence[modality] = _by_item(vocabulary, rows)
    categories = catalogue["category"].explode(empty_as_null=False)
    names = categories.drop_nulls().unique().sort()
    index = Vocabulary(names.to_list()).index(categories.drop_nulls())
    return Items(
        vocabulary=vocabulary,
        vectors=vectors,
        presence=presence,
        category_names=tuple(names),
        category_offsets=np.r_[0, np.cumsum(catalogue["category"].list.drop_nulls().list.len().to_numpy())].astype(np.int64),
        category_index=index,
        knowledge={} if knowledge is None else build_relations(vocabulary, knowledge),
        price=catalogue["price"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        in_stock=catalogue["in_stock"].to_numpy(),
        available_from=catalogue["available_from"].dt.epoch("us").fill_null(ALWAYS).to_numpy(),
        available_to=catalogue["available_to"].dt.epoch("us").fill_null(FOR_EVER).to_numpy(),
    )


def _by_item(vocabulary: Vocabulary, rows: pl.DataFrame) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(items, dim) and (items,): vectors, zero where there are none, and which items have one; no other copy is made."""
    dtype = rows.schema["vector"]
    assert isinstance(dtype, pl.Array)
    (dim,) = dtype.shape
    matrix, has = np.zeros((len(vocabulary), dim), np.float32), np.zeros(len(vocabulary), bool)
    item = np.where(rows["presence"].to_numpy(), vocabulary.index(rows["item_id"]), -1)
    start = 0
    for numbers in numbers_of(rows["vector"]):
        part = numbers.to_numpy().reshape(-1, dim)
        places = item[start : start + len(part)]
        known = places >= 0
        matrix[places[known]] = part[known]
        has[places[known]] = True
        start += len(part)
    return matrix, has
