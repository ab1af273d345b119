"""Numbers of items counted one by one: worked out by hand, and on any log those of the table that the night makes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.features.item_features import item_features
from feature_store.features.item_rates import with_rates
from feature_store.layout import Workspace
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from pipelines.parity.counting import DAY, Acts, Prior, Priors, features_of, last_midnight, strength_of_rate
from pipelines.parity.raw import add_sentiments, read_log, read_priors, read_reviews
from recsys.data.further import FURTHER
from recsys.data.interactions import microseconds
from recsys.data.items import ALWAYS, build_items
from recsys.data.ranking_items import build_ranking_items
from recsys.data.relevance import Relevance
from tests.support.reviews import write_log
from tests.support.sampled_shop import write_sentiments
from tests.support.tiny_release import FUTURE, build_catalogue

NOW = 400 * DAY
NOTHING = Priors(click=Prior(0.0, 1.0), conversion=None, rating=Prior(0.0, 1.0), sentiment=None)
WANTED = ("1d", "7d", "30d", "365d", "all")
RELEVANCE = Relevance(events=("click", "review"), ignored=("cart",))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = st.sampled_from([0.0, 34.5, 35.0, 369.5, 370.0, 379.0, 380.0, 380.5, 392.9, 393.0, 399.0, 399.5, 400.0]) | st.floats(0, 401)


def counted(*acts: tuple[str, float], priors: Priors = NOTHING, wanted: bool = True) -> dict[str, float | None]:
    """What such events say, given by type and days before now."""
    found = Acts()
    for event_type, days in acts:
        found.add(event_type, None, round(NOW - days * DAY), wanted=wanted, midnight=NOW)
    return features_of(found, priors, midnight=NOW, moment=NOW)


def test_an_event_counts_in_every_window_that_is_long_enough() -> None:
    found = counted(("click", 1), ("click", 7.5), ("click", 30), ("click", 366))
    assert [found[f"wanted_{name}"] for name in WANTED] == [1, 1, 3, 3, 4]


def test_what_was_wanted_counts_half_after_thirty_days() -> None:
    assert counted(("click", 30), ("cart", 60))["wanted_decayed"] == pytest.approx(0.75)


def test_a_rate_is_drawn_to_that_of_all_by_so_many_trials() -> None:
    acts = [("impression", 5.0)] * 6 + [("impression", 31.0)] * 50 + [("click", 5.0)] * 2
    priors = Priors(click=Prior(0.5, 4.0), conversion=Prior(0.25, 8.0), rating=Prior(0.0, 1.0), sentiment=None)
    found = counted(*acts, priors=priors)
    assert found["click_rate"] == pytest.approx((2 + 2) / (6 + 4))
    assert found["conversion_rate"] == pytest.approx((0 + 2) / (2 + 8))


def test_without_a_trial_there_is_no_rate() -> None:
    found = counted(("purchase", 1))
    assert (found["click_rate"], found["conversion_rate"], found["mean_rating"], found["mean_sentiment"]) == (None, None, None, None)


def test_stars_of_ratings_and_reviews_are_one_mean() -> None:
    found = Acts()
    for event_type, stars in (("rating", 5.0), ("review", 2.0), ("review", None)):
        found.add(event_type, stars, NOW, wanted=False, midnight=NOW)
    numbers = features_of(found, replace(NOTHING, rating=Prior(4.0, 5.0)), midnight=NOW, moment=NOW)
    assert numbers["mean_rating"] == pytest.approx((7 + 20) / (2 + 5))
    assert numbers["review_count"] == 2


def test_items_that_differ_more_than_chance_are_drawn_less() -> None:
    # p = 1/2; sum n (x/n - p)^2 = 10 (.04 + .04) = .8; by chance .25; rho = (.8 / .25 - 1) / (20 - 10 - 1) = 2.2 / 9
    assert strength_of_rate([7, 3], [10, 10]) == pytest.approx(9 / 2.2 - 1)
    assert strength_of_rate([8, 2], [10, 10]) == 1  # 9 / 6.2 - 1 is less
    assert strength_of_rate([5, 5], [10, 10]) == 10_000


@pytest.mark.parametrize(("successes", "trials"), [([], []), ([3], [9]), ([0, 0], [5, 5]), ([9, 9], [5, 5])])
def test_a_log_too_thin_to_say_gives_twenty_trials(successes: list[int], trials: list[int]) -> None:
    assert strength_of_rate(successes, trials) == 20


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, object]]:
    """Events of every kind on three items, some known late."""
    acts = st.tuples(
        DAYS,
        st.sampled_from([0.0, 0.5, 8.0]),
        st.sampled_from(["impression", "click", "cart", "purchase", "rating", "review", "dwell"]),
        st.sampled_from([None, 1.0, 3.5, 5.0]),
        st.sampled_from(["i0", "i1", "i2"]),
    )
    rows = []
    for number, (day, late, kind, stars, item_id) in enumerate(draw(st.lists(acts, min_size=1, max_size=40))):
        when = EPOCH + timedelta(days=day)
        row = {"event_id": str(number), "user_id": "u", "item_id": item_id, "event_type": kind, "event_time": when}
        row |= {"known_at": when + timedelta(days=late), "value": stars if kind in ("rating", "review") else None}
        rows.append(row | {"text": ["", "so be it"][number % 2] if kind == "review" else None})
    return rows


@settings(max_examples=25, deadline=None)
@given(logs(), st.sampled_from([400.0, 400.5]), st.sampled_from([380.0, 380.5]))
def test_on_any_log_the_numbers_are_those_that_the_night_counts(rows: list[dict[str, object]], date: float, cut: float) -> None:
    before, since = EPOCH + timedelta(days=date), EPOCH + timedelta(days=cut)
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        write_log(workspace.root, rows)
        known = [row for row in rows if row["text"] and row["event_time"] < before and row["known_at"] < before]  # type: ignore[operator]
        write_sentiments(workspace, {str(row["event_id"]): (int(str(row["event_id"])) % 5 - 2) / 2 for row in known})
        log, sentiment = workspace.read("events"), workspace.read("review_sentiment").scan(REVIEW_SENTIMENT)
        wanted = RELEVANCE.kind().is_in([int(kind) for kind in RELEVANCE.relevant_kinds()])
        table = item_features(log.scan(EVENTS), wanted=wanted, since=since, before=before, sentiment=sentiment)
        right = build_ranking_items(build_items(build_catalogue(3), {}), with_rates(table, since=since), moment=before, further=FURTHER)
        moment, ids = microseconds(before), ("i0", "i1", "i2")
        midnight = last_midnight(moment)
        acts = read_log(log, RELEVANCE, users=(), item_ids=ids, snapshot=before, moment=moment).of_items
        reviews = read_reviews(log, sentiment)
        add_sentiments(acts, reviews, midnight=midnight)
        mine = read_priors(log, reviews, since=since)
        found = [features_of(acts[item_id], mine, midnight=midnight, moment=moment) for item_id in ids]
    for place, name in enumerate(WANTED):
        assert [numbers[f"wanted_{name}"] for numbers in found] == right.wanted[:, place].tolist()
    for name, column in {"click_rate": right.click_rate, "mean_rating": right.mean_rating, **right.further}.items():
        np.testing.assert_allclose(np.array([numbers[name] for numbers in found], float), column, rtol=1e-5, atol=1e-6, err_msg=name)
    undated = [place for place in range(3) if place != FUTURE]
    assert [ALWAYS if acts[ids[place]].first is None else acts[ids[place]].first for place in undated] == right.born[undated].tolist()
