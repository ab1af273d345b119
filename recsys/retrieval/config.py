"""How the index is built."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """Approximate search over item vectors."""

    kind: str = "auto"
    """`flat` (exact), `ivf`, or `auto`: flat up to `flat_items`, ivf above."""
    flat_items: int = 50_000
    min_recall: float = 0.95
    """Recall@100 against exact search that the index must reach; more lists are probed until it does."""
