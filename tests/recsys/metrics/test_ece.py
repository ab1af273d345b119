import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.metrics.ece import expected_calibration_error


def test_two_bins_by_hand() -> None:
    labels = np.array([False, False, True, False])
    probabilities = np.array([0.1, 0.2, 0.6, 0.8])
    # lower half: mean 0.15 against 0; upper half: mean 0.7 against 0.5; each weighs one half
    assert expected_calibration_error(labels, probabilities, bins=2) == pytest.approx((0.15 + 0.2) / 2)


def test_predicting_the_share_is_perfectly_calibrated() -> None:
    assert expected_calibration_error(np.array([True, False, False, False]), np.full(4, 0.25)) == pytest.approx(0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50), st.randoms())
def test_the_order_of_examples_does_not_matter(examples: list[tuple[bool, float]], random: object) -> None:
    shuffled = examples.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    values = [expected_calibration_error(np.array([e[0] for e in rows]), np.array([e[1] for e in rows])) for rows in (examples, shuffled)]
    assert values[0] == pytest.approx(values[1])
    assert 0 <= values[0] <= 1


def test_no_examples_are_nothing_and_no_bins_are_refused() -> None:
    assert np.isnan(expected_calibration_error(np.zeros(0, bool), np.zeros(0)))
    with pytest.raises(ValueError, match="bins is 0"):
        expected_calibration_error(np.ones(1, bool), np.ones(1), bins=0)
