"""Recommendations for many users at once, as a file: from a release, or from a baseline fitted on the same log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.config import Config, ConfigError
from pipelines.inputs import load_interactions, load_items
from pipelines.privacy.admission import names_in_log
from pipelines.progress import Progress
from pipelines.releases import ReleaseShelf
from recsys.data.items import Items
from recsys.evaluation.top_k import top_k
from recsys.models.baselines.build import BASELINES, build_baseline
from recsys.models.scorer import Scorer
from recsys.slate.batch import ReleaseScorer, rerank_lists
from recsys.slate.release_reader import read_release

STAGES = ("retrieval", "slate")
USERS_AT_ONCE = 2048


class RecommendError(Exception):
    """What was asked for cannot be recommended; says why and what may be asked."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to recommend from, to whom, and how many."""

    users: Sequence[str]
    k: int = 100
    stage: str = "retrieval"
    """`retrieval`: the retriever's order; `slate`: the ranker's order of what was retrieved."""
    candidates: Sequence[str] | None = None
    """Only these items; None: all that are available."""
    model: str = ""
    """A baseline's name; empty: the release."""
    release_id: str = ""
    """Empty: the champion."""


def recommend(config: Config, wanted: Wanted, *, progress: Progress) -> pl.DataFrame:
    """Unseen, available items for each user.

    Returns:
        user_id, item_id, rank (from 1) and score, in the order of the users asked for.

    Raises:
        RecommendError: The stage or model is unknown, k is below 1, or a candidate is not in the catalogue.
        ReleaseError: There is no such release.
        UserKeyError: Users go by pseudonyms, and there is no key.
    """
    if wanted.k < 1:
        raise RecommendError(f"k is {wanted.k}; ask for at least 1 item")
    if wanted.stage not in STAGES:
        raise RecommendError(f"there is no stage {wanted.stage!r}; it is {' or '.join(STAGES)}")
    if wanted.model and wanted.model not in BASELINES:
        raise RecommendError(f"there is no model {wanted.model!r}; known are {', '.join(BASELINES)}; leave it out for the release")
    workspace = config.open_workspace()
    release = read_release(release_folder(workspace, wanted.release_id))
    date = datetime.fromisoformat(release.description["date"])
    items = _items(workspace, wanted)
    known = workspace.read("users") if release.user_attributes else None
    past = load_interactions(workspace.read("events"), items, config.relevance, before=date, users=known)
    allowed = items.available(date) & _named(items, wanted.candidates)
    scorer: Scorer = build_baseline(wanted.model, past, items) if wanted.model else ReleaseScorer(release)
    users = np.array(wanted.users, dtype=object)
    rows = past.rows_of(named_users(config, wanted.users))
    parts = []
    for start in progress.track(range(0, len(users), USERS_AT_ONCE), what="recommending"):
        some = slice(start, start + USERS_AT_ONCE)
        depth = wanted.k if wanted.stage == "retrieval" else max(wanted.k, int(release.serving["candidates"]))
        lists, scores = top_k(scorer, past, rows[some], candidates=allowed, k=depth, exclude_seen=True)
        if wanted.stage == "slate" and not wanted.model:
            lists, scores = rerank_lists(release, past, rows[some], lists, scores, now=date)
        parts.append(_frame(users[some], lists[:, : wanted.k], scores[:, : wanted.k], items))
    return pl.concat(parts) if parts else _frame(users, np.zeros((0, 1), np.int64), np.zeros((0, 1), np.float32), items)


def read_column(path: Path, name: str) -> list[str]:
    """One column of a Parquet file, or of a CSV file with a header line, as text.

    Raises:
        ConfigError: The file cannot be read or has no such column.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"cannot read {path}: {error}. It must be Parquet, or CSV with a header line and the ending .csv.") from error
    if name not in frame.columns:
        raise ConfigError(f"{path} has no column {name}; it has {frame.columns}")
    return frame[name].cast(pl.String).to_list()


def release_folder(workspace: Workspace, release_id: str) -> Path:
    """Folder of a release; of the champion where none is named.

    Raises:
        ReleaseError: There is no such release.
        RecommendError: None is named and none has been promoted.
    """
    shelf = ReleaseShelf(workspace.releases)
    if release_id:
        return shelf.path(release_id)
    champion = shelf.champion()
    if champion is None:
        known = ", ".join(shelf.ids()) or "none: run `vitrine nightly`"
        raise RecommendError(
            "no release has been promoted yet; have one served by `vitrine releases promote`, or name one with --release. "
            f"Releases: {known}"
        )
    return shelf.path(champion.release_id)


def history_of(config: Config, user_id: str, *, newest: int) -> pl.DataFrame:
    """The newest distinct items of a user: title, kind of event, time."""
    workspace = config.open_workspace()
    items = load_items(workspace.read("catalogue"))
    past = load_interactions(workspace.read("events"), items, config.relevance, before=datetime.max.replace(tzinfo=UTC)).distinct()
    row = int(past.rows_of(named_users(config, [user_id]))[0])
    some = slice(0, 0) if row < 0 else slice(max(past.offsets[row], past.offsets[row + 1] - newest), past.offsets[row + 1])
    return pl.DataFrame(
        {
            "item_id": items.vocabulary.ids(past.item_index[some]),
            "kind": past.kind[some],
            "event_time": pl.Series(past.event_time[some]).cast(pl.Datetime("us", "UTC")),
        }
    ).reverse()


def some_user_ids(workspace: Workspace, *, most: int = 3) -> list[str]:
    """Users of the log, to show what an id looks like."""
    users = workspace.read("events").scan(EVENTS).select("user_id").head(1000).unique().sort("user_id").head(most)
    return users.collect()["user_id"].to_list()


def titles_of(workspace: Workspace) -> dict[str, str]:
    """item_id -> title; an item without one is called by its id."""
    rows = workspace.read("catalogue").scan(CATALOGUE).select("item_id", pl.coalesce("title", "item_id")).collect()
    return dict(rows.rows())


def named_users(config: Config, user_ids: Sequence[str]) -> npt.NDArray[np.object_]:
    """What users of the shop's own ids are called in its tables.

    Raises:
        UserKeyError: They go by pseudonyms, and there is no key, or another one than the log was written with.
    """
    names = names_in_log(config)
    return np.array([names.of(user_id) for user_id in user_ids], dtype=object)


def _items(workspace: Workspace, wanted: Wanted) -> Items:
    embeddings = workspace.read("item_embeddings") if wanted.model == "content_knn" else None
    return load_items(workspace.read("catalogue"), embeddings)


def _named(items: Items, candidates: Sequence[str] | None) -> npt.NDArray[np.bool_]:
    if candidates is None:
        return np.ones(len(items), bool)
    rows = items.vocabulary.index(candidates)
    if (rows < 0).any():
        unknown = [item for item, row in zip(candidates, rows, strict=True) if row < 0]
        raise RecommendError(
            f"{len(unknown)} of {len(rows)} candidates are not in the catalogue, first {unknown[:3]}; import their catalogue rows first"
        )
    named = np.zeros(len(items), bool)
    named[rows] = True
    return named


def _frame(users: npt.NDArray[np.object_], lists: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], items: Items) -> pl.DataFrame:
    there = lists >= 0
    counts = there.sum(axis=1)
    return pl.DataFrame(
        {
            "user_id": np.repeat(users, counts),
            "item_id": items.vocabulary.ids(lists[there]),
            "rank": np.nonzero(there)[1] + 1,
            "score": scores[there],
        },
        schema={"user_id": pl.String, "item_id": pl.String, "rank": pl.Int64, "score": pl.Float32},
    )
