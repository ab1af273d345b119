"""What a report holds and what a gate allows."""

from dataclasses import dataclass

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from recsys.bounds import PartialShare, Share

SASREC = "sasrec"
"""The baseline that is trained as a stage of its own."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How models are judged."""

    most_users: int = 0
    """Users of the window that are judged, at most, evenly spread over all of them; 0: everybody. Each costs every model two full rankings
    of the catalogue."""
    bootstrap_resamples: PositiveInt = 10_000
    baselines: tuple[str, ...] = ("popularity", "recent_popularity", "item_knn", "ease", "ials", "content_knn", SASREC)
    ease_strengths: tuple[PositiveFloat, ...] = (100.0, 400.0, 1000.0)
    """L2 of EASE; validation chooses."""
    ials_strengths: tuple[PositiveFloat, ...] = (0.5, 0.8, 1.25)
    """L2 of iALS relative to what the number of likes asks for, see `recsys.models.baselines.ials`; validation chooses."""
    item_knn_neighbours: tuple[PositiveFloat, ...] = (50, 200, 400)
    """Whole numbers; validation chooses."""
    recent_days: tuple[PositiveFloat, ...] = (7, 30, 365)
    """Windows of recent popularity; validation chooses."""
    report_users: NonNegativeInt = 10
    """Users shown in the report with their history and recommendations as pictures."""
    report_categories: NonNegativeInt = 8
    """Categories with a slice of their own, those most chosen in the window."""
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if self.most_users < 0:
            raise ValueError(f"most_users is {self.most_users}; it is a number of users, or 0 for all of them")


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """What a challenger must show before it is served; every refusal says which gate and by how much."""

    beats_popularity: bool = True
    beats_item_knn: bool = True
    significance: PartialShare = 0.05
    """A baseline counts as beaten when the difference is positive and its p-value, corrected by Holm, lies below this."""
    max_loss_to_champion: NonNegativeFloat = 0.0
    """How much the challenger may lose: the upper end of the paired interval must not lie below minus this."""
    max_new_item_loss: NonNegativeFloat = 0.02
    """The same for Recall@100 of choices that are new items."""
    max_missing_image_loss: NonNegativeFloat = 0.02
    """The same for Recall@100 of choices that have no photo."""
    min_index_recall: Share = 0.95
    max_parity_difference: NonNegativeFloat = 1e-4
    """Largest difference, relative to the value where that is above 1, between what the champion's ranker read and the same made again from
    raw events; the ranker reads float32, and rounding explains this much."""
    parity_requests: NonNegativeInt = 20
    """Newest sampled answers of the champion that a night makes again; 0: it makes none."""
