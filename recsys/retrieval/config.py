"""How the index is built."""

from dataclasses import dataclass
from typing import Literal

from pydantic import NonNegativeInt


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """Approximate search over item vectors.

    Raises:
        ValueError: `min_recall` is no share.
    """

    kind: Literal["auto", "flat", "ivf"] = "auto"
    """`flat` (exact), `ivf`, or `auto`: flat up to `flat_items`, ivf above."""
    flat_items: NonNegativeInt = 50_000
    min_recall: float = 0.95
    """Recall@100 against exact search that the index must reach, above 0 and at most 1; more lists are probed until it does."""

    def __post_init__(self) -> None:
        if not 0 < self.min_recall <= 1:
            raise ValueError(f"min_recall is {self.min_recall}; it is a share, above 0 and at most 1")
