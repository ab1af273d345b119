"""Open a release: every byte checked, every array held against the others, ready to answer. No torch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import onnxruntime
import polars as pl

from feature_store.manifest import file_digest
from recsys.data.excerpt import Excerpt
from recsys.data.item_to_item import ItemToItem
from recsys.data.items import Items, build_items
from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import RankingItems, load_ranking_items
from recsys.data.relevance import Relevance
from recsys.retrieval.faiss_index import IndexDescription, load_index

FORMAT = 3
READABLE = (1, 2, FORMAT)
"""Before 2 the bias came last, with popularity in it; before 3 there was nothing between the towers and the bias."""
USER_ATTRIBUTES = "user_attributes.json"
"""There only in a release whose user tower reads attributes of users."""
NEEDED = (
    *("catalogue.parquet", "item_vectors.npy", "index.faiss", "index.json", "user_tower.onnx", "popularity.npy"),
    *("content_vectors.npy", "content_presence.npy", "ranker.onnx", "ranking.json", "ranking_items.parquet", "serving.json"),
)


class ReleaseError(Exception):
    """A release cannot be served."""


class MissingReleaseError(ReleaseError):
    """The folder, or a file that serving needs, is not there."""


class DamagedReleaseError(ReleaseError):
    """A file is not what the release says of it, or files do not fit together."""


class ReleaseFormatError(ReleaseError):
    """The release was written in a format that this code does not read."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One night's release in memory; arrays have one row per item, row = item_index."""

    folder: Path
    description: Mapping[str, Any]
    serving: Mapping[str, Any]
    ranking: Mapping[str, Any]
    catalogue: pl.DataFrame
    items: Items
    item_vectors: npt.NDArray[np.float32]
    """(items, all dims): what the towers say, the bias, and what popularity adds to, last."""
    index: faiss.Index
    index_description: IndexDescription
    indexed: npt.NDArray[np.bool_]
    """(items,): whether the index holds the item."""
    published: int
    """Items that were published; those behind them came since: see `recsys.slate.added_items`."""
    popularity: npt.NDArray[np.float32]
    content_vectors: npt.NDArray[np.float32]
    content_presence: npt.NDArray[np.bool_]
    ranking_items: RankingItems
    user_attributes: Mapping[str, Sequence[str]]
    """Attribute of users -> its values, in the order of the indices that the user tower reads."""
    user_tower: onnxruntime.InferenceSession
    ranker: onnxruntime.InferenceSession

    @property
    def release_id(self) -> str:
        """Its name."""
        return str(self.description["release_id"])

    @cached_property
    def tower_vectors(self) -> npt.NDArray[np.float32]:
        """(items, dim): what the towers say, as the user tower reads the items of a history."""
        return self.item_vectors[:, : self.user_tower.get_inputs()[0].shape[2]]

    @cached_property
    def excerpt(self) -> Excerpt:
        """What the user tower reads of a history."""
        return Excerpt(int(self.serving["history_length"]), older=bool(self.serving.get("reads_older")))

    @cached_property
    def parts(self) -> tuple[ItemToItem, ...]:
        """What the score is made of beside the towers, bias and popularity, in the order of its coordinates."""
        return tuple(ItemToItem.read(part) for part in self.serving.get("parts", ()))

    @cached_property
    def relevance(self) -> Relevance:
        """What an event says."""
        return Relevance.read(self.serving["relevance"])


def read_release(folder: Path, *, verify: bool = True) -> Release:
    """Load a release.

    Args:
        folder: Where it lies.
        verify: Hold every file against its checksum; leave it out only for a folder that was verified a moment ago.

    Raises:
        MissingReleaseError: The folder or a needed file is not there.
        DamagedReleaseError: A checksum or a shape does not fit.
        ReleaseFormatError: Its format is another.
    """
    description = _describe(folder)
    _check_files(folder, description, verify=verify)
    faiss.omp_set_num_threads(1)  # one request, one thread: more only queue up behind each other
    try:
        return _load(folder, description)
    except ReleaseError:
        raise
    except Exception as error:  # a graph, an index, a table: each library has errors of its own
        raise DamagedReleaseError(f"release {folder.name} cannot be loaded: {type(error).__name__}: {error}. Publish it again.") from error


def _describe(folder: Path) -> dict[str, Any]:
    try:
        text = (folder / "release.json").read_text(encoding="utf-8")
    except OSError as error:
        raise MissingReleaseError(f"there is no release in {folder}: no release.json. Run `vitrine nightly`.") from error
    try:
        description: dict[str, Any] = json.loads(text)
        found = description["format"]
        _ = description["release_id"], description["files"], description["date"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedReleaseError(f"{folder / 'release.json'} is no description of a release ({error!r}). Publish it again.") from error
    if found not in READABLE:
        known = " and ".join(map(str, READABLE))
        raise ReleaseFormatError(f"release {folder.name} has format {found}; this program reads {known}. Use the version that wrote it.")
    return description


def _check_files(folder: Path, description: Mapping[str, Any], *, verify: bool) -> None:
    files: Mapping[str, Mapping[str, Any]] = description["files"]
    missing = [name for name in dict.fromkeys((*NEEDED, *files)) if name not in files or not (folder / name).is_file()]
    if missing:
        raise MissingReleaseError(f"release {folder.name} lacks {', '.join(missing)}. Publish it again, or promote another release.")
    for name, told in files.items():
        size = (folder / name).stat().st_size
        if size != told["bytes"] or (verify and file_digest(folder / name) != told["sha256"]):
            raise DamagedReleaseError(
                f"release {folder.name}: {name} is not the file that was published ({size} bytes, {told['bytes']} promised, or other "
                "bytes). Publish it again, or promote another release."
            )


def _load(folder: Path, description: Mapping[str, Any]) -> Release:
    catalogue = pl.read_parquet(folder / "catalogue.parquet")
    index, index_description = load_index(folder)
    release = Release(
        folder=folder,
        description=description,
        serving=_json(folder / "serving.json"),
        ranking=_json(folder / "ranking.json"),
        catalogue=catalogue,
        items=build_items(catalogue, {}),
        item_vectors=np.load(folder / "item_vectors.npy"),
        index=index,
        index_description=index_description,
        indexed=_indexed(index, catalogue.height),
        published=catalogue.height,
        popularity=np.load(folder / "popularity.npy"),
        content_vectors=np.load(folder / "content_vectors.npy"),
        content_presence=np.load(folder / "content_presence.npy"),
        ranking_items=load_ranking_items(folder),
        user_attributes=_json(folder / USER_ATTRIBUTES) if (folder / USER_ATTRIBUTES).is_file() else {},
        user_tower=open_graph(folder / "user_tower.onnx"),
        ranker=open_graph(folder / "ranker.onnx"),
    )
    _check_shapes(release)
    return release


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A graph of a release, run by one thread: one request, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _check_shapes(release: Release) -> None:
    rows = len(release.items)
    arrays = ("item_vectors", "popularity", "content_vectors", "content_presence", "ranking_items")
    wrong = {name: len(getattr(release, name)) for name in arrays if len(getattr(release, name)) != rows}
    if wrong:
        raise DamagedReleaseError(f"release {release.release_id}: the catalogue has {rows} items, but {wrong}. Publish it again.")
    if release.index.d != release.item_vectors.shape[1]:
        raise DamagedReleaseError(
            f"release {release.release_id}: the index has dimension {release.index.d}, vectors {release.item_vectors.shape[1]}. "
            "Publish it again."
        )
    if tuple(release.ranking["feature_names"]) != feature_names(release.ranking_items.modalities, tuple(release.ranking_items.further)):
        raise ReleaseFormatError(
            f"release {release.release_id}: its ranker reads other features than this program makes. Use the version that wrote it."
        )


def _indexed(index: faiss.Index, rows: int) -> npt.NDArray[np.bool_]:
    found = np.zeros(rows, bool)
    ids = faiss.vector_to_array(index.id_map) if hasattr(index, "id_map") else _inverted_ids(faiss.extract_index_ivf(index))
    found[ids] = True
    return found


def _inverted_ids(index: faiss.IndexIVF) -> npt.NDArray[np.int64]:
    lists: Any = index.invlists
    parts = [faiss.rev_swig_ptr(lists.get_ids(n), lists.list_size(n)).copy() for n in range(index.nlist) if lists.list_size(n)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
