"""Which items may be shown, to whom, at this moment: one mask that every path, fallback included, goes through last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.online.protocol import ItemChanges
from recsys.data.items import ALWAYS, FOR_EVER, Items


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the caller wants to see."""

    categories: tuple[str, ...] = ()
    """Any of these; empty: all."""
    min_price: float | None = None
    """Items of unknown price pass no price filter."""
    max_price: float | None = None
    in_stock: bool = True
    """False: what is out of stock may be shown, too."""
    exclude: tuple[str, ...] = ()
    """item_ids never to show."""


@dataclass(frozen=True)
class Shelf:
    """The items of a release with the day's changes on top."""

    items: Items
    withdrawn: npt.NDArray[np.bool_]
    changed: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """item_index -> new values, for what is shown of an item."""

    @cached_property
    def _categories(self) -> dict[str, npt.NDArray[np.int64]]:
        owner = np.repeat(np.arange(len(self.items)), np.diff(self.items.category_offsets))
        order = np.argsort(self.items.category_index, kind="stable")
        ends = np.searchsorted(self.items.category_index[order], np.arange(len(self.items.category_names) + 1))
        return {name: owner[order[ends[n] : ends[n + 1]]] for n, name in enumerate(self.items.category_names)}

    def visible(self, *, now: int, wishes: Wishes, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(items,): on sale at `now` (microseconds since 1970 UTC), not withdrawn, as wished, and new to the user."""
        items = self.items
        mask = (items.available_from <= now) & (now < items.available_to) & ~self.withdrawn
        if wishes.in_stock:
            mask &= items.in_stock
        if wishes.min_price is not None:
            mask &= items.price >= wishes.min_price  # false for NaN
        if wishes.max_price is not None:
            mask &= items.price <= wishes.max_price
        if wishes.categories:
            asked = np.zeros(len(items), bool)
            for name in wishes.categories:
                asked[self._categories.get(name, np.zeros(0, np.int64))] = True
            mask &= asked
        if wishes.exclude:
            excluded = items.vocabulary.index(wishes.exclude)
            mask[excluded[excluded >= 0]] = False
        mask[seen] = False
        return mask

    def unknown_categories(self, names: Sequence[str]) -> list[str]:
        """Those that no item has."""
        return [name for name in names if name not in self._categories]


def build_shelf(items: Items, changes: ItemChanges) -> Shelf:
    """Lay the day's changes over the items of a release."""
    gone = items.vocabulary.index(changes.withdrawn)
    withdrawn = np.zeros(len(items), bool)
    withdrawn[gone[gone >= 0]] = True
    rows = {int(items.vocabulary.index([item_id])[0]): values for item_id, values in changes.changed.items()}
    rows = {row: values for row, values in rows.items() if row >= 0}
    columns: dict[str, Any] = {}
    nothing = {"price": np.nan, "in_stock": True, "available_from": ALWAYS, "available_to": FOR_EVER}
    for name, missing in nothing.items():
        columns[name] = getattr(items, name).copy()
        for row, values in rows.items():
            if name in values:
                columns[name][row] = missing if values[name] is None else values[name]
    return Shelf(replace(items, **columns), withdrawn, rows)
