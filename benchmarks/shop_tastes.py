"""Tastes of the sample shop's users, inferred from their log by somebody who knows how the shop was drawn.

Tastes are drawn as the shop draws its users, from its planted circles; what is known of a user is a weighting of them by the likelihood of
the user's log.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from sample_shop import SIZES
from scipy.special import expit, softmax

from pipelines.sample_shop import policy as shown_by
from pipelines.sample_shop import shoppers as drawn_as
from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shop import START
from pipelines.sample_shop.shoppers import LOVED, Shoppers, click_logits
from pipelines.validation_window import Window

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Slates:
    """What judged users were shown before the cut, a request per row."""

    user: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    """(requests, places); -1 where a place is empty."""
    clicked: npt.NDArray[np.bool_]


def draw_tastes(shoppers: Shoppers, count: int, random: np.random.Generator) -> Shoppers:
    """Users with circles of the shop, drawn as `plan_shoppers` does; they have no habits."""
    circle, loves = random.integers(0, drawn_as.NUM_CIRCLES, count), {}
    for name, fashions in circles_of(shoppers).items():
        fashion = fashions[circle]
        followed = fashion & (random.random(fashion.shape) < drawn_as.FOLLOWING)
        liking = random.random(fashion.shape) + followed
        loves[name] = liking >= np.sort(liking, axis=1)[:, [-LOVED[name]]]
    favour = loves["category"] * random.random(loves["category"].shape)
    elsewhere = np.where(loves["category"], 1.0, drawn_as.ELSEWHERE_WEIGHT)
    browsing = np.where(favour == favour.max(axis=1, keepdims=True), drawn_as.FAVOURITE_WEIGHT, elsewhere)
    none = np.zeros(count)
    return Shoppers(category=browsing / browsing.sum(axis=1, keepdims=True), loves=loves, budget=none, visits=none, joins=none)


def circles_of(shoppers: Shoppers) -> dict[str, npt.NDArray[np.bool_]]:
    """attribute -> (circles, values): what each circle loves, which is what most of its members love, all attributes taken together."""
    together, count = np.unique(np.concatenate([shoppers.loves[name] for name in LOVED], axis=1), axis=0, return_counts=True)
    circles = together[np.argsort(-count)[: drawn_as.NUM_CIRCLES]]
    return dict(zip(LOVED, np.split(circles, np.cumsum([SIZES[name] for name in LOVED])[:-1], axis=1), strict=True))


def read_slates(events: pl.DataFrame, window: Window) -> Slates:
    """The log of judged users before the cut."""
    judged = pl.col("user_id").is_in(window.truth.user_ids.tolist()) & pl.col("event_type").is_in(["impression", "click"])
    places = events.filter(judged, pl.col("event_time") < window.cuts.validation).group_by("request_id", "user_id", "item_id", "position")
    log = places.agg(pl.col("event_time").min(), clicked=(pl.col("event_type") == "click").any())
    request, place = log["request_id"].rank("dense").to_numpy().astype(np.int64) - 1, log["position"].to_numpy() - 1
    shape = (int(request.max()) + 1, shown_by.SLATE_LENGTH)
    user, day, item, clicked = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64), np.full(shape, -1), np.zeros(shape, bool)
    user[request] = np.searchsorted(window.truth.user_ids, log["user_id"].to_numpy())
    day[request] = (log["event_time"] - START).dt.total_days().to_numpy()
    item[request, place] = window.items.vocabulary.index(log["item_id"])
    clicked[request, place] = log["clicked"].to_numpy()
    return Slates(user=user, day=day, item=item, clicked=clicked)


def posteriors(slates: Slates, tastes: Shoppers, products: Products, num_users: int) -> dict[str, Floats]:
    """What is read of the log -> (users, tastes): how likely each taste is then."""
    looks, chances = looked_for(tastes), click_chances(tastes, products)
    shown, alone = np.zeros((2, num_users, len(tastes)), np.float32)
    for day in np.unique(slates.day):
        today = slates.day == day
        user, item, clicked = slates.user[today], slates.item[today], slates.clicked[today]
        browsed, common = offered(products, [day])
        np.add.at(shown, user, (log_shown(item, looks, browsed, common) + log_clicked(item, clicked, chances)).T)
        rates = chances * (looks @ browsed + common)
        share = rates[:, item[clicked]] / rates.sum(axis=1, keepdims=True)  # (tastes, clicks)
        np.add.at(alone, user[np.nonzero(clicked)[0]], np.log(share).T)
    return {"impressions and clicks": softmax(shown, axis=1), "clicked items alone": softmax(alone, axis=1)}


def log_shown(item: npt.NDArray[np.int64], looks: Floats, browsed: Floats, common: Floats) -> Floats:
    """(tastes, slates): log likelihood of slates, each found by looking for one group, up to what is the same for all tastes."""
    odds = 1 + browsed / np.maximum(common, 1e-9)
    found = np.where(item >= 0, odds[:, item], 1).prod(axis=-1)  # (groups, slates)
    likelihood: Floats = np.log(looks @ found)
    return likelihood


def log_clicked(item: npt.NDArray[np.int64], clicked: npt.NDArray[np.bool_], chances: Floats) -> Floats:
    """(tastes, slates): log likelihood of the clicks, given what was shown."""
    chance = chances[:, item] * np.where(item >= 0, shown_by.EXAMINED, 0).astype(np.float32)
    likelihood: Floats = np.log(np.where(clicked, chance, 1 - chance)).sum(axis=-1)
    return likelihood


def click_rates(tastes: Shoppers, products: Products, days: npt.NDArray[np.float64]) -> Floats:
    """(tastes, items): exposure in some days, times click."""
    browsed, common = offered(products, days)
    return (looked_for(tastes) @ browsed + common) * click_chances(tastes, products)


def click_chances(tastes: Shoppers, products: Products) -> Floats:
    """(tastes, items): probability of a click on what is looked at."""
    logits = click_logits(tastes, products, np.arange(len(tastes))[:, None], np.arange(len(products))[None])
    chances: Floats = expit(logits.astype(np.float32))
    return chances


def looked_for(tastes: Shoppers) -> Floats:
    """(tastes, groups): how often each taste looks for each group of `groups_of`."""
    shares = []
    for share, name in zip(shown_by.FACET_SHARES, shown_by.FACETS, strict=True):
        loved = tastes.loves[name] if name else np.ones((len(tastes), 1), bool)
        value = loved / loved.sum(axis=1, keepdims=True)
        shares.append((share * tastes.category[:, :, None] * value[:, None]).reshape(len(tastes), -1))
    return np.concatenate(shares, axis=1).astype(np.float32)


def groups_of(products: Products) -> npt.NDArray[np.bool_]:
    """(groups, items): what is found by looking through a category for a value of a facet, for each of all three."""
    hot = {name: np.eye(SIZES[name], dtype=bool)[:, getattr(products, name)] for name in SIZES} | {"": np.ones((1, len(products)), bool)}
    return np.concatenate([(hot["category"][:, None] & hot[name]).reshape(-1, len(products)) for name in shown_by.FACETS])


def offered(products: Products, days: Iterable[float]) -> tuple[Floats, Floats]:
    """(groups, items) and (items,): share of places each item gets if a group is looked for, and whatever is; the mean of whole days."""
    groups, browsed, common = groups_of(products), [], []
    for day in days:
        live = (products.shown_from < day + 1) & (day < products.leaves)
        fresh = live & (products.shown_from >= max(day - shown_by.ARRIVAL_DAYS, 0))
        others = {shown_by.BESTSELLER: np.exp(products.quality) * live, shown_by.ARRIVAL: fresh, shown_by.CHANCE: live}
        common.append(sum(shown_by.SOURCE_SHARES[source] * weight / max(weight.sum(), 1) for source, weight in others.items()))
        found = groups & live
        browsed.append(shown_by.SOURCE_SHARES[shown_by.BROWSE] * found / np.maximum(found.sum(axis=1, keepdims=True), 1))
    return np.mean(browsed, axis=0).astype(np.float32), np.mean(common, axis=0).astype(np.float32)
