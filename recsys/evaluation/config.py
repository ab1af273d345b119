"""What a report holds and what a gate allows."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How models are judged."""

    bootstrap_resamples: int = 10_000
    baselines: tuple[str, ...] = ("popularity", "recent_popularity", "item_knn", "ease", "content_knn")
    ease_strengths: tuple[float, ...] = (100.0, 400.0, 1000.0)
    """L2 of EASE; validation chooses."""
    item_knn_neighbours: tuple[int, ...] = (50, 200, 400)
    recent_days: float = 30.0
    """Window of recent popularity."""
    report_users: int = 10
    """Users shown in the report with their history and recommendations as pictures."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """What a challenger must show before it is served; every refusal says which gate and by how much."""

    beats_popularity: bool = True
    beats_item_knn: bool = True
    max_loss_to_champion: float = 0.0
    """How much NDCG@10 the challenger may lose: the upper end of the paired interval must not lie below minus this."""
    min_index_recall: float = 0.95
