"""Who comes to the shop, and what they like to see and to read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.sample_shop.products import Products

CATEGORY_WORTH, COLOUR_WORTH, PATTERN_WORTH, THEME_WORTH, MATERIAL_WORTH = 1.0, 2.6, 1.0, 2.0, 0.3
"""What a loved attribute adds to the logit of a click."""
BASE_LOGIT = -2.7
FAVOURITE_WEIGHT, ELSEWHERE_WEIGHT = 2.5, 0.015
"""How much more than in the other loved category a user looks in the favourite one, and how much in each of the rest."""
NUM_CIRCLES = 25
"""Groups of people who influence each other's taste."""
FOLLOWING = 0.985
"""Probability that a user loves what the own circle loves; whatever is left is the user's own."""
VISITS_SPREAD = 0.45
LATE_SHARE = 0.02
"""Share of users who come for the first time while the log runs."""
LOVED = {"category": 2, "colour": 2, "pattern": 2, "theme": 2, "material": 1}


@dataclass(frozen=True, kw_only=True)
class Shoppers:
    """Planted tastes, one row per user."""

    category: npt.NDArray[np.float64]
    """(users, categories): share of browsing; loved ones take most of it."""
    loves: dict[str, npt.NDArray[np.bool_]]
    """attribute -> (users, values): whether the user loves the value."""
    budget: npt.NDArray[np.float64]
    visits: npt.NDArray[np.float64]
    """Expected number of requests."""
    joins: npt.NDArray[np.float64]
    """Day of the first possible visit."""

    def __len__(self) -> int:
        return len(self.budget)

    @property
    def user_ids(self) -> list[str]:
        """U0000, U0001, ..."""
        return [f"U{number:04d}" for number in range(len(self))]


def plan_shoppers(random: np.random.Generator, *, num_users: int, num_days: int, num_requests: int, sizes: dict[str, int]) -> Shoppers:
    """Draw tastes and habits.

    Args:
        random: Source of chance.
        num_users: Rows.
        num_days: Length of the log.
        num_requests: Expected requests of all users together.
        sizes: attribute -> number of values.
    """
    circle = random.integers(0, NUM_CIRCLES, num_users)
    loves = {}
    for name, count in LOVED.items():
        fashion = _greatest(random.random((NUM_CIRCLES, sizes[name])), count)[circle]
        followed = fashion & (random.random(fashion.shape) < FOLLOWING)
        loves[name] = _greatest(random.random(fashion.shape) + followed, count)
    favourite = loves["category"] * random.random(loves["category"].shape)
    browsing = np.where(
        favourite == favourite.max(axis=1, keepdims=True), FAVOURITE_WEIGHT, np.where(loves["category"], 1.0, ELSEWHERE_WEIGHT)
    )
    visits = random.lognormal(0.0, VISITS_SPREAD, num_users)
    late = random.random(num_users) < LATE_SHARE
    return Shoppers(
        category=browsing / browsing.sum(axis=1, keepdims=True),
        loves=loves,
        budget=np.exp(random.normal(3.6, 0.5, num_users)),
        visits=visits / visits.sum() * num_requests,
        joins=np.where(late, random.uniform(0, num_days, num_users), 0.0),
    )


def click_logits(
    shoppers: Shoppers, products: Products, user: npt.NDArray[np.int64], item: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Logit of a click on an examined product, for pairs of user and item (any shapes that broadcast)."""
    loved = shoppers.loves
    return np.asarray(
        BASE_LOGIT
        + CATEGORY_WORTH * loved["category"][user, products.category[item]]
        + COLOUR_WORTH * loved["colour"][user, products.colour[item]]
        + PATTERN_WORTH * loved["pattern"][user, products.pattern[item]]
        + THEME_WORTH * loved["theme"][user, products.theme[item]]
        + MATERIAL_WORTH * loved["material"][user, products.material[item]]
        + products.quality[item],
        np.float64,
    )


def _greatest(values: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.bool_]:
    """(rows, columns): true at the `count` greatest values of each row."""
    chosen = np.zeros(values.shape, bool)
    np.put_along_axis(chosen, np.argsort(-values, axis=1)[:, :count], True, axis=1)
    return chosen
