"""Why the release recommends an item to a user, as far as its tables and its model can tell."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_store.layout import Workspace
from pipelines.config import Config
from pipelines.inputs import load_interactions, load_items
from pipelines.online_store import open_online_store
from pipelines.recommend import RecommendError, named_users, release_folder
from recsys.data.items import Items
from recsys.data.sequences import read_histories
from recsys.slate.added_items import extend_release
from recsys.slate.explain import explain, vector_parts
from recsys.slate.release_reader import Release, read_release

if TYPE_CHECKING:
    from recsys.models.retriever import SavedRetriever

SAME = 1e-4
"""Largest difference, relative to the largest value, of a published vector and the one that the model at hand gives."""


@dataclass(frozen=True, kw_only=True)
class EventWorth:
    """An event of the history."""

    item_id: str
    kind: int
    event_time: datetime
    worth: float
    """How much lower the score were, had it not happened and the user tower read the others."""


@dataclass(frozen=True, kw_only=True)
class ItemExplanation:
    """Of one score; see `recsys.slate.explain.Explanation`."""

    user_id: str
    item_id: str
    release_id: str
    score: float
    parts: Mapping[str, float]
    """Add up to the score. `fused.<what>`: of a late ensemble exact, else see `fused_shares`, or, where the model of the release is not at
    hand or the item was added since, `fused` as it is; the others as in `recsys.slate.explain`."""
    events: Sequence[EventWorth]
    """The one that adds most first."""
    known: bool
    """Whether the log has events of the user; without any the score is that of a stranger, or of all of whom the shop says the same."""


def explain_item(config: Config, user_id: str, item_id: str, *, release_id: str = "", newest: int = 10) -> ItemExplanation:
    """Take the retrieval score of an item apart.

    Args:
        config: The shop's.
        user_id: Who; the history is that of the log before the date of the release.
        item_id: What, whether it may be shown or not; also what was added since (`vitrine add-items`).
        release_id: Empty: the champion.
        newest: Events to judge, of those that the user tower reads.

    Raises:
        OnlineStoreError: The release has no such item, and the store cannot say what was added.
        RecommendError: There is no such item.
        ReleaseError: There is no such release, or it does not say what its vectors are made of.
    """
    workspace = config.open_workspace()
    release = read_release(release_folder(workspace, release_id))
    if item_id not in release.items.vocabulary:
        with contextlib.closing(open_online_store(config)) as store:
            release = extend_release(release, store.added_items(release.release_id))
    row = int(release.items.vocabulary.index([item_id])[0])
    if row < 0:
        raise RecommendError(f"release {release.release_id} has no item {item_id!r} among its {len(release.items)}; name one it has")
    date = datetime.fromisoformat(release.description["date"])
    known = workspace.read("users") if release.user_attributes else None
    past = load_interactions(workspace.read("events"), release.items, config.relevance, before=date, users=known).distinct()
    user = int(past.rows_of(named_users(config, [user_id]))[0])
    history = read_histories(past, np.array([user]), release.excerpt, attributes=release.user_attributes)
    mine = history.whole
    found = explain(release, history, row, newest=newest)
    parts = {name: value for name, value in found.parts.items() if name != "fused"}
    if "fused" in found.parts:
        shares = _fused_shares(workspace, release, row, found.user_vector) if row < release.published else {}
        parts = (shares or {"fused": found.parts["fused"]}) | parts
    events = [
        EventWorth(
            item_id=release.items.vocabulary.ids([mine.item_index[place]])[0],
            kind=int(mine.kind[place]),
            event_time=datetime.fromtimestamp(mine.event_time[place] / 1e6, UTC),
            worth=float(worth),
        )
        for place, worth in zip(found.events, found.worth, strict=True)
    ]
    return ItemExplanation(
        user_id=user_id,
        item_id=item_id,
        release_id=release.release_id,
        score=found.score,
        parts=parts,
        events=events,
        known=len(mine.item_index) > 0,
    )


def _fused_shares(workspace: Workspace, release: Release, row: int, user: npt.NDArray[np.float32]) -> dict[str, float]:
    """Shares of the fused part, which is one; none where the tables of the workspace hold another model than the release's."""
    import torch  # starts only where it is needed

    from recsys.data.tensors import item_batch
    from recsys.models.ensemble import side_by_side
    from recsys.models.item_shares import fused_shares
    from recsys.models.retriever import load_retriever
    from recsys.models.two_tower_scorer import embed_catalogue

    retriever = load_retriever(workspace.read("retriever").folder / "released")
    items = load_items(workspace.read("catalogue"), workspace.read("item_embeddings"))
    if not _is_of(release, items, retriever):
        return {}
    published, fused = release.tower_vectors[row], vector_parts(release)["fused"]
    for has_id in (True, False):
        whole = item_batch(items, has_id=np.full(len(items), has_id), modalities=retriever.shape.modalities)
        prepared = [(member, member.item_tower.prepare(whole.select(torch.tensor([row])))) for member in retriever.model.members]
        vector = side_by_side([torch.from_numpy(embed_catalogue(member, item, np.zeros(1))) for member, item in prepared]).numpy()[0]
        if np.allclose(vector[: len(published)], published, rtol=0, atol=SAME * np.abs(published).max()):
            asked = torch.from_numpy(user[fused]).chunk(len(prepared))
            shares = [fused_shares(member, item, part) for (member, item), part in zip(prepared, asked, strict=True)]
            return {f"fused.{name}": sum(each[name] for each in shares) for name in shares[0]}
    return {}


def _is_of(release: Release, items: Items, retriever: "SavedRetriever") -> bool:
    """Whether the release was published from these tables, or they have only grown since."""
    dims = {name: vectors.shape[1] for name, vectors in items.vectors.items() if name in retriever.shape.content_dims}
    same_shape = dims == retriever.shape.content_dims and items.category_names == release.items.category_names
    return same_shape and np.array_equal(retriever.item_vectors, release.item_vectors)
