"""A baseline by its name."""

import difflib

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.models.baselines.content_knn import ContentKNN
from recsys.models.baselines.ease import EASE
from recsys.models.baselines.ials import IALS
from recsys.models.baselines.item_knn import ItemKNN
from recsys.models.baselines.popularity import Popularity, RecentPopularity
from recsys.models.scorer import Scorer

BASELINES = {"popularity": None, "recent_popularity": 30.0, "item_knn": 400.0, "ease": 400.0, "ials": 0.8, "content_knn": None}
"""Name -> its one number where none is given: days, neighbours, L2 strength; None for a model that has none."""


def build_baseline(name: str, interactions: Interactions, items: Items, *, strength: float | None = None) -> Scorer:
    """Build and fit a baseline.

    Args:
        name: One of BASELINES.
        interactions: The past to learn from.
        items: The catalogue; only `content_knn` reads its vectors.
        strength: The model's one number: L2 of `ease` and `ials`, neighbours of `item_knn`, days of `recent_popularity`; None for
            its default.

    Raises:
        ValueError: The name is unknown, or the model cannot be built from these data; says why.
    """
    if name not in BASELINES:
        near = difflib.get_close_matches(name, BASELINES, n=1)
        raise ValueError(f"there is no baseline {name!r}; {f'did you mean {near[0]}?' if near else 'known are ' + ', '.join(BASELINES)}")
    number = strength if strength is not None else BASELINES[name]
    if number is None:
        return Popularity(interactions) if name == "popularity" else ContentKNN(interactions, items)
    if name == "recent_popularity":
        return RecentPopularity(interactions, days=number)
    if name == "item_knn":
        return ItemKNN(interactions, neighbours=int(number))
    return EASE(interactions, strength=number) if name == "ease" else IALS(interactions, strength=number)
