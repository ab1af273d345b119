import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import ConfigError, parse_config
from pipelines.quality.config import Limit, ProfileConfig
from pipelines.quality.measures import fold, judge, ks, psi

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 1000), min_size=1)


def test_psi_of_a_share_that_went_from_a_half_to_three_quarters() -> None:
    expected = (0.5 - 0.75) * math.log(0.5 / 0.75) + (0.5 - 0.25) * math.log(0.5 / 0.25)
    assert psi({"a": 1, "b": 1}, {"a": 3, "b": 1}) == pytest.approx(expected)


@given(COUNTS, COUNTS)
def test_psi_is_finite_never_negative_and_the_same_from_both_sides(before: dict[str, int], now: dict[str, int]) -> None:
    assert 0 <= psi(before, now) < 50
    assert psi(before, now) == pytest.approx(psi(now, before))


def test_psi_of_the_same_shares_is_zero_whatever_the_counts() -> None:
    assert psi({"a": 10, "b": 30}, {"a": 100, "b": 300}) == pytest.approx(0)


def test_ks_is_the_largest_distance_of_the_distribution_functions() -> None:
    assert ks(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])) == pytest.approx(0.5)  # half of the first lies below 3


def test_ks_of_nothing_is_zero() -> None:
    assert ks(np.array([]), np.array([1.0])) == 0


def test_fold_compares_rates_and_counts_both_ways() -> None:
    assert fold(280, 70, days_before=28, days_now=7) == pytest.approx(1, abs=0.01)
    assert fold(1000, 250, days_before=1, days_now=1) == fold(250, 1000, days_before=1, days_now=1) == pytest.approx(4, abs=0.01)


def test_what_vanishes_is_a_large_fold_and_not_an_error() -> None:
    assert fold(1000, 0, days_before=1, days_now=1) > 1000


@pytest.mark.parametrize(
    ("value", "enough", "verdict"), [(0.1, True, "ok"), (0.2, True, "warn"), (0.9, True, "stop"), (0.9, False, "unjudged")]
)
def test_a_value_is_judged_by_the_limits_of_its_kind(value: float, enough: bool, verdict: str) -> None:
    config = ProfileConfig(psi=Limit(warn=0.2, stop=0.5))
    assert judge("x", "psi", value, before="a", now="b", enough=enough, config=config).verdict == verdict


def test_a_limit_of_zero_is_never_reached() -> None:
    assert judge("x", "ks", 1.0, before="a", now="b", enough=True, config=ProfileConfig(ks=Limit())).verdict == "ok"


def test_an_unknown_key_of_a_limit_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="unknown key 'wran'; did you mean warn"):
        parse_config({"profile": {"psi": {"wran": 1}}})


@pytest.mark.parametrize(
    ("name", "limit", "said"),
    [
        ("volume", {"warn": 0.5}, r"volume warn is 0\.5; .* above 1 .* or 0 for never"),
        ("volume", {"stop": 1.0}, r"volume stop is 1; .* above 1"),
        ("volume", {"warn": 20.0, "stop": 3.0}, r"stop = 3 is below warn = 20; raise stop"),
        ("psi", {"warn": 0.5, "stop": 0.25}, r"stop = 0\.25 is below warn = 0\.5"),
        ("nulls", {"warn": 10.0}, r"nulls warn is 10; .* at most 1"),
        ("ks", {"stop": 1.5}, r"ks stop is 1\.5; .* at most 1"),
        ("catalogue", {"warn": -0.1}, r"warn = -0\.1 and stop = 0; they are above 0"),
        ("catalogue", {"warn": math.nan}, r"warn = nan and stop = 0; they are above 0"),
    ],
)
def test_a_limit_that_is_always_or_never_reached_is_refused(name: str, limit: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_config({"profile": {name: limit}})


@pytest.mark.parametrize("limit", [{"stop": 3.0}, {"warn": 3.0}, {"warn": 3.0, "stop": 3.0}, {"warn": 0.0, "stop": 0.0}])
def test_either_limit_may_be_left_out(limit: dict[str, float]) -> None:
    assert parse_config({"profile": {"volume": limit}}).profile.volume == Limit(**limit)
