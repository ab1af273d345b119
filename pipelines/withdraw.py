"""Products that were delisted vanish at once, and come back when that was a mistake."""

import contextlib
from collections.abc import Sequence

import polars as pl

from pipelines.config import Config
from pipelines.online_store import open_online_store
from pipelines.recommend import release_folder


class WithdrawError(Exception):
    """An item is not known; says which."""


def withdraw_items(config: Config, item_ids: Sequence[str], *, restore: bool = False) -> str:
    """Show these items no more, from this moment on; or, to restore, again.

    Returns:
        The id of the champion.

    Raises:
        WithdrawError: The champion has no such item, added ones included; then nothing is changed.
        ReleaseError: No release is served.
    """
    workspace = config.open_workspace()
    folder = release_folder(workspace, "")
    with contextlib.closing(open_online_store(config)) as store:
        known = set(pl.read_parquet(folder / "catalogue.parquet", columns=["item_id"])["item_id"])
        known |= {item.item_id for item in store.added_items(folder.name)} | store.item_changes().withdrawn
        unknown = [item_id for item_id in item_ids if item_id not in known]
        if unknown:
            raise WithdrawError(
                f"release {folder.name}, with what was added to it, has no item {', '.join(map(repr, unknown[:5]))}: nothing was changed. "
                "Use item ids of the catalogue."
            )
        (store.restore if restore else store.withdraw)(item_ids)
    return folder.name
