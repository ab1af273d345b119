"""The best that can be done: every product ranked by the planted probability that it is shown, looked at and clicked."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.sample_shop.policy import Policy
from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shoppers import Shoppers, click_logits
from recsys.data.interactions import Interactions
from recsys.data.items import Items

TRUTH = "truth.npz"


def save_truth(folder: Path, policy: Policy, *, start: datetime) -> None:
    """Write what is planted; no stage of a night reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    shoppers = {name: value for name, value in asdict(policy.shoppers).items() if name != "loves"}
    loves = {f"loves.{name}": value for name, value in policy.shoppers.loves.items()}
    arrays = {f"product.{name}": value for name, value in asdict(policy.products).items()} | {
        f"shopper.{n}": v for n, v in shoppers.items()
    }
    together: dict[str, Any] = arrays | loves
    np.savez(folder / TRUTH, **together)
    (folder / "truth.json").write_text(json.dumps({"start": start.isoformat()}) + "\n", encoding="utf-8")


class Oracle:
    """Implements `recsys.models.scorer.Scorer` on the planted truth.

    Args:
        folder: Where `save_truth` wrote.
        items: The catalogue as a night read it.
        first: Start of the window that is judged.
        last: Its end.
    """

    name = "oracle"

    def __init__(self, folder: Path, items: Items, *, first: datetime, last: datetime) -> None:
        arrays = np.load(folder / TRUTH)
        start = datetime.fromisoformat(json.loads((folder / "truth.json").read_text(encoding="utf-8"))["start"]).astimezone(UTC)
        products = Products(**_named(arrays, "product.", Products))
        loves = {name.removeprefix("loves."): arrays[name] for name in arrays.files if name.startswith("loves.")}
        self._policy = Policy(products, Shoppers(**_named(arrays, "shopper.", Shoppers), loves=loves))
        self._window = tuple((moment - start).total_seconds() / 86_400 for moment in (first, last))
        self._items = np.array([int(item_id[1:]) for item_id in items.vocabulary.item_ids])

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Log of the planted probability; a user of whom nothing is known here is scored as nobody: all zero."""
        values = np.zeros((len(rows), len(self._items)), np.float32)
        values[rows >= 0] = self.scores_of([past.user_ids[row] for row in rows[rows >= 0]])
        return values

    def scores_of(self, user_ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """(users, items): the same by the ids of users, whether they have a past or not."""
        user = np.array([int(user_id[1:]) for user_id in user_ids], np.int64)
        exposure = self._policy.exposure(user, first=self._window[0], last=self._window[1])[:, self._items]
        logits = click_logits(self._policy.shoppers, self._policy.products, user[:, None], self._items[None])
        values: npt.NDArray[np.float32] = (np.log(exposure + 1e-12) - np.logaddexp(0, -logits)).astype(np.float32)
        return values


def _named(arrays: Any, prefix: str, kind: type) -> dict[str, Any]:
    return {entry.name: arrays[prefix + entry.name] for entry in fields(kind) if prefix + entry.name in arrays.files}
