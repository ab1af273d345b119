"""How the shop chose what to show before it had a recommender: browsing, bestsellers, new arrivals and chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shoppers import Shoppers

BROWSE, BESTSELLER, ARRIVAL, CHANCE = range(4)
SOURCE_SHARES = (0.78, 0.05, 0.13, 0.04)
"""How often a place of a slate is filled by each source."""
FACETS = ("", "colour", "theme", "pattern")
"""What a user looks for within a category: anything, or a loved value of something seen or read."""
FACET_SHARES = (0.3, 0.38, 0.24, 0.08)
ARRIVAL_DAYS = 8.0
"""How long a product counts as new, from the day it is first shown."""
SLATE_LENGTH = 4
EXAMINED = np.array([1.0, 0.85, 0.72, 0.62])
"""Probability that a user looks at each position."""


@dataclass(frozen=True)
class Policy:
    """Shares of the places of slates."""

    products: Products
    shoppers: Shoppers

    def visible(self, day: npt.NDArray[np.float64], item: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether a product may be shown on a day."""
        return (self.products.shown_from[item] <= day) & (day < self.products.leaves[item])

    def draw(self, random: np.random.Generator, user: npt.NDArray[np.int64], day: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """(requests, SLATE_LENGTH): products shown; -1 where a place stays empty."""
        category, facet, value = self._look_for(random, user)
        slates = np.full((len(user), SLATE_LENGTH), -1)
        for place in range(SLATE_LENGTH):
            source = random.choice(len(SOURCE_SHARES), len(user), p=SOURCE_SHARES)
            for _ in range(6):  # what may not be shown, or stands in the slate already, is drawn again
                item = self._propose(random, source, category, facet, value, day)
                allowed = (item >= 0) & self.visible(day, np.maximum(item, 0)) & ~(slates == item[:, None]).any(axis=1)
                slates[:, place] = np.where((slates[:, place] < 0) & allowed, item, slates[:, place])
        return slates

    def exposure(self, user: npt.NDArray[np.int64], *, first: float, last: float) -> npt.NDArray[np.float64]:
        """(users, products): share of a user's places that each product gets in [first, last), as drawn above, on average."""
        everything = np.arange(len(self.products))
        total = np.zeros((len(user), len(self.products)))
        days = np.linspace(first, last, 9)[:-1] + (last - first) / 16
        for day in days:
            live = self.visible(np.full(len(self.products), day), everything)
            fresh = live & (self.products.shown_from > day - ARRIVAL_DAYS) & (self.products.shown_from >= 0)
            common = SOURCE_SHARES[BESTSELLER] * _normalised(np.exp(self.products.quality) * live)
            common += SOURCE_SHARES[ARRIVAL] * _normalised(fresh.astype(float)) + SOURCE_SHARES[CHANCE] * _normalised(live.astype(float))
            total += SOURCE_SHARES[BROWSE] * self._browsing(user, live) + common
        return total / len(days)

    def _browsing(self, user: npt.NDArray[np.int64], live: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """(users, products): share of each live product in what the user finds by looking for it."""
        category = self.products.category
        wanted = self.shoppers.category[user][:, category] * live
        found = np.zeros_like(wanted)
        for number, name in enumerate(FACETS):
            values = self._values(name)
            group = category * (values.max() + 1) + values
            size = np.bincount(group[live], minlength=group.max() + 1)
            loved = self.shoppers.loves[name][user] if name else np.ones((len(user), 1), bool)
            chosen = loved / loved.sum(axis=1, keepdims=True)
            found += FACET_SHARES[number] * wanted * chosen[:, values] / np.maximum(size, 1)[group]
        return found

    def _look_for(
        self, random: np.random.Generator, user: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The category each request looks through, what it looks for there (index of FACETS), and which loved value of that."""
        category = _pick(random, self.shoppers.category[user])
        facet = random.choice(len(FACETS), len(user), p=FACET_SHARES)
        value = np.zeros(len(user), np.int64)
        for number, name in enumerate(FACETS):
            if name:
                value = np.where(facet == number, _pick(random, self.shoppers.loves[name][user].astype(float)), value)
        return category, facet, value

    def _values(self, facet: str) -> npt.NDArray[np.int64]:
        values: npt.NDArray[np.int64] = getattr(self.products, facet) if facet else np.zeros(len(self.products), np.int64)
        return values

    def _propose(
        self,
        random: np.random.Generator,
        source: npt.NDArray[np.int64],
        category: npt.NDArray[np.int64],
        facet: npt.NDArray[np.int64],
        value: npt.NDArray[np.int64],
        day: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.int64]:
        """One product for each request; -1 where the source has none."""
        count, inside = len(self.products), random.random(len(source))
        item = random.integers(0, count, len(source))
        for number, name in enumerate(FACETS):
            values = self._values(name)
            group = self.products.category * (values.max() + 1) + values
            order = np.argsort(group, kind="stable")
            mine = (source == BROWSE) & (facet == number)
            wanted = category * (values.max() + 1) + value
            found = _within(order, group[order], wanted, wanted, inside)
            item = np.where(mine, found, item)
        bestsellers = np.cumsum(_normalised(np.exp(self.products.quality)))
        item = np.where(source == BESTSELLER, np.minimum(np.searchsorted(bestsellers, inside), count - 1), item)
        by_arrival = np.argsort(self.products.shown_from, kind="stable")
        arrival = _within(by_arrival, self.products.shown_from[by_arrival], np.maximum(day - ARRIVAL_DAYS, 0), day, inside)
        return np.where(source == ARRIVAL, arrival, item)


def _pick(random: np.random.Generator, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(rows,): a column of each row, by weight."""
    steps = np.cumsum(weights, axis=1)
    drawn = random.random(len(weights)) * steps[:, -1]
    column: npt.NDArray[np.int64] = np.minimum((drawn[:, None] > steps).sum(axis=1), weights.shape[1] - 1)
    return column


def _within(
    order: npt.NDArray[np.int64],
    keys: npt.NDArray[np.floating] | npt.NDArray[np.int64],
    lowest: npt.NDArray[np.floating] | npt.NDArray[np.int64],
    highest: npt.NDArray[np.floating] | npt.NDArray[np.int64],
    inside: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """The member of `order` that lies a share `inside` of the way between two of its sorted keys, both included; -1 where there is none."""
    start, end = np.searchsorted(keys, lowest, side="left"), np.searchsorted(keys, highest, side="right")
    place = np.minimum(start + (inside * (end - start)).astype(np.int64), len(order) - 1)
    member: npt.NDArray[np.int64] = np.where(end > start, order[place], -1)
    return member


def _normalised(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = weights / max(weights.sum(), 1e-12)
    return shares
