"""What happened in the shop: requests, impressions, clicks, carts and purchases."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.checks import check
from feature_store.schema import EVENTS, UTC_TIME
from pipelines.sample_shop.policy import EXAMINED, Policy
from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shoppers import Shoppers, click_logits

SECONDS_PER_DAY = 86_400


def simulate(policy: Policy, random: np.random.Generator, *, num_days: int, start: datetime) -> pl.DataFrame:
    """Rows of the table `events`, in order of time."""
    products, shoppers = policy.products, policy.shoppers
    user, day = _requests(shoppers, random, num_days=num_days)
    slates = policy.draw(random, user, day)
    shown = slates >= 0
    position = np.cumsum(shown.astype(np.int64), axis=1)
    logits = click_logits(shoppers, products, user[:, None], np.maximum(slates, 0))
    looked = random.random(slates.shape) < EXAMINED
    clicked = shown & looked & (random.random(slates.shape) < _sigmoid(logits))
    afford = (shoppers.budget[user][:, None] - products.price[np.maximum(slates, 0)]) / shoppers.budget[user][:, None]
    carted = clicked & (random.random(slates.shape) < _sigmoid(-0.9 + 0.8 * np.clip(afford, -2, 1) + 0.3 * (logits + 1)))
    bought = carted & (random.random(slates.shape) < _sigmoid(-0.3 + 0.8 * np.clip(afford, -2, 1)))
    seconds = np.round(day * SECONDS_PER_DAY, 3)[:, None] + np.zeros(slates.shape)
    parts = [
        _rows("impression", shown, slates, user, position, seconds, shoppers, products, start),
        _rows("click", clicked, slates, user, position, seconds + 4 + 5 * position, shoppers, products, start),
        _rows("cart", carted, slates, user, position, seconds + 40 + 5 * position, shoppers, products, start),
        _rows("purchase", bought, slates, user, position, seconds + 300, shoppers, products, start),
    ]
    log = pl.concat(parts).sort("event_time", "request_id", "position", "event_type")
    log = log.with_columns(event_id=pl.format("E{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(7)))
    return check(log.select(EVENTS.schema.names()), EVENTS)


def _requests(shoppers: Shoppers, random: np.random.Generator, *, num_days: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Who asks, and on what day, in order of time."""
    open_share = 1 - shoppers.joins / num_days
    count = random.poisson(shoppers.visits * open_share)
    user = np.repeat(np.arange(len(shoppers)), count)
    day = shoppers.joins[user] + random.random(len(user)) * (num_days - shoppers.joins[user])
    order = np.argsort(day, kind="stable")
    return user[order], day[order]


def _rows(
    event_type: str,
    happened: npt.NDArray[np.bool_],
    slates: npt.NDArray[np.int64],
    user: npt.NDArray[np.int64],
    position: npt.NDArray[np.int64],
    seconds: npt.NDArray[np.float64],
    shoppers: Shoppers,
    products: Products,
    start: datetime,
) -> pl.DataFrame:
    request, place = np.nonzero(happened)
    item = slates[request, place]
    who = pl.Series(shoppers.user_ids).gather(user[request])
    since_start = pl.Series((seconds[request, place] * 1e6).astype(np.int64)).cast(pl.Duration("us"))
    moment = (pl.lit(start) + pl.lit(since_start)).cast(UTC_TIME)
    return pl.select(
        event_id=pl.lit(""),
        user_id=who,
        item_id=pl.Series(products.item_ids).gather(item),
        event_type=pl.lit(event_type),
        value=pl.Series(products.price[item]) if event_type == "purchase" else pl.lit(None, pl.Float64),
        text=pl.lit(None, pl.String),
        session_id=pl.format("S{}", pl.Series(request)),
        request_id=pl.format("R{}", pl.Series(request)),
        position=pl.Series(position[request, place]).cast(pl.Int32),
        surface=pl.lit("home"),
        release_id=pl.lit(None, pl.String),
        propensity=pl.lit(None, pl.Float64),
        event_time=moment,
        known_at=moment,
    )


def _sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))
