import numpy as np
import pytest

from recsys.training.labelling.judging import OUT_OF_REACH, fewest_to_be_sure, macro_f1, precise_threshold


def test_macro_f1_counts_every_value_alike() -> None:
    truth = np.array(["a", "a", "a", "b"], dtype=object)
    guesses = np.array(["a", "a", "a", "a"], dtype=object)
    assert macro_f1(guesses, truth) == pytest.approx((2 * 3 / (4 + 3) + 0) / 2)


def test_the_threshold_is_the_lowest_of_which_one_can_be_sure() -> None:
    scores = np.linspace(1.0, 0.01, 100)
    right = np.arange(100) < 50  # the fifty surest are right; Wilson's bound of 50 of 57 is .811, of 50 of 58 .794
    assert precise_threshold(scores, right, precision=0.8) == pytest.approx(scores[56])
    assert precise_threshold(scores, ~right, precision=0.9) == OUT_OF_REACH


@pytest.mark.parametrize(("number", "enough"), [(14, False), (15, True)])
def test_a_few_right_guesses_say_nothing(number: int, enough: bool) -> None:
    found = precise_threshold(np.full(number, 0.8), np.ones(number, bool), precision=0.9)  # the bound is n / (n + 1.64)
    assert (found == pytest.approx(0.8)) == enough


def test_guesses_of_equal_score_are_kept_together_or_not_at_all() -> None:
    assert precise_threshold(np.full(40, 0.7), np.arange(40) < 30, precision=0.9) == OUT_OF_REACH


@pytest.mark.parametrize("precision", [0.5, 0.9, 0.95])
def test_the_fewest_that_make_sure_are_just_enough(precision: float) -> None:
    for number, threshold in ((fewest_to_be_sure(precision) - 1, OUT_OF_REACH), (fewest_to_be_sure(precision), 0.8)):
        assert precise_threshold(np.full(number, 0.8), np.ones(number, bool), precision=precision) == pytest.approx(threshold)
