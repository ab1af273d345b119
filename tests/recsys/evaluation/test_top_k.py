from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recsys.data.interactions import Interactions
from recsys.data.relevance import Kind
from recsys.evaluation import top_k as module
from recsys.evaluation.top_k import top_k
from tests.support.behaviour import interactions_of

NOTHING = interactions_of([], num_items=4)


@dataclass
class Fixed:
    """Known scores: one row per user of the past, the last for a user without one."""

    table: npt.NDArray[np.float32]
    name: str = "fixed"

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.table[rows]


def scores_of(*values: float) -> Fixed:
    return Fixed(np.array([values], np.float32))


ALL = np.ones(4, bool)
NOBODY = np.array([-1])


def test_the_best_come_first_with_their_scores() -> None:
    items, scores = top_k(scores_of(0, 3, 1, 2), NOTHING, NOBODY, candidates=ALL, k=2, exclude_seen=True)
    assert items.tolist() == [[1, 3]]
    assert scores.tolist() == [[3, 2]]


def test_of_equal_scores_the_lower_index_wins_even_across_the_last_place() -> None:
    items, _ = top_k(scores_of(1, 5, 1, 1), NOTHING, NOBODY, candidates=ALL, k=3, exclude_seen=True)
    assert items.tolist() == [[1, 0, 2]]


def test_what_is_no_candidate_is_never_listed_and_short_lists_end_in_minus_one() -> None:
    items, scores = top_k(scores_of(9, 3, 1, 2), NOTHING, NOBODY, candidates=np.array([False, True, True, False]), k=3, exclude_seen=True)
    assert items.tolist() == [[1, 2, -1]]
    assert scores[0, 2] == -np.inf


def test_a_list_longer_than_the_catalogue_is_padded() -> None:
    items, _ = top_k(scores_of(0, 3, 1, 2), NOTHING, NOBODY, candidates=ALL, k=6, exclude_seen=True)
    assert items.tolist() == [[1, 3, 2, 0, -1, -1]]


def test_seen_items_are_left_out_only_where_asked() -> None:
    past = interactions_of([("a", 1, 1, Kind.DISLIKED), ("a", 3, 1, Kind.TAG)], num_items=4)
    scorer = scores_of(0, 3, 1, 2)
    rows = np.array([0])
    assert top_k(scorer, past, rows, candidates=ALL, k=2, exclude_seen=True)[0].tolist() == [[3, 2]]  # a tag is no sight
    assert top_k(scorer, past, rows, candidates=ALL, k=2, exclude_seen=False)[0].tolist() == [[1, 3]]


def test_the_scores_of_the_model_are_left_as_they_were() -> None:
    scorer = Fixed(np.array([[1, 2, 3, 4]], np.float32))
    top_k(scorer, NOTHING, NOBODY, candidates=np.zeros(4, bool), k=1, exclude_seen=True)
    assert scorer.table.tolist() == [[1, 2, 3, 4]]


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="fixed scored 1 items as NaN"):
        top_k(scores_of(0, np.nan, 1, 2), NOTHING, NOBODY, candidates=ALL, k=2, exclude_seen=True)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 3\); wanted \(1, 4\)"):
        top_k(scores_of(0, 1, 2), NOTHING, NOBODY, candidates=ALL, k=2, exclude_seen=True)


def test_a_large_catalogue_makes_the_blocks_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Counting(Fixed):
        def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
            sizes.append(len(rows))
            return super().scores(past, rows)

    monkeypatch.setattr(module, "MOST_SCORES", 8)
    top_k(Counting(np.zeros((1, 4), np.float32)), NOTHING, np.full(5, -1), candidates=ALL, k=2, exclude_seen=True)
    assert sizes == [2, 2, 1]


@given(arrays(np.float32, (7, 9), elements=st.integers(0, 3).map(float)), st.integers(1, 12), st.integers(1, 8))
def test_it_agrees_with_a_stable_sort_whatever_the_block(table: npt.NDArray[np.float32], k: int, block: int) -> None:
    past = interactions_of([(f"u{user}", 0, 1, Kind.TAG) for user in range(7)], num_items=9)
    items, _ = top_k(Fixed(table), past, np.arange(7), candidates=np.ones(9, bool), k=k, exclude_seen=True, block=block)
    wanted = np.argsort(-table, axis=1, kind="stable")[:, :k]
    assert np.array_equal(items[:, : wanted.shape[1]], wanted)
    assert (items[:, wanted.shape[1] :] == -1).all()
