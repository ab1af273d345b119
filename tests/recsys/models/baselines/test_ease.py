import numpy as np
import pytest

from recsys.models.baselines.ease import EASE, CatalogueTooLargeError
from recsys.models.baselines.liked import liked
from tests.support.behaviour import interactions_of, random_interactions


def reference(matrix: np.ndarray, strength: float) -> np.ndarray:
    """B of the paper, written as in its listing."""
    gram = matrix.T @ matrix + strength * np.eye(matrix.shape[1])
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0
    return weights


@pytest.mark.parametrize(("num_users", "num_items"), [(60, 12), (9, 40)], ids=["more users than items", "more items than users"])
def test_it_agrees_with_the_listing_of_the_paper(num_users: int, num_items: int) -> None:
    past = random_interactions(1, num_users=num_users, num_items=num_items, num_events=150)
    matrix = liked(past).toarray().astype(np.float64)
    rows = np.flatnonzero(matrix.any(axis=1))
    scores = EASE(past, strength=3).scores(past, rows)
    assert scores == pytest.approx(matrix[rows] @ reference(matrix, 3), abs=1e-5)


def test_a_user_without_a_liked_past_gets_popularity() -> None:
    past = interactions_of([("a", 0, 1), ("b", 0, 2), ("b", 1, 2)], num_items=3)
    assert EASE(past, strength=1).scores(past, np.array([-1])).tolist() == [[2, 1, 0]]


def test_two_items_liked_together_by_hand() -> None:
    past = interactions_of([("a", 0, 1), ("a", 1, 1)], num_items=2)
    # gram + 1 = [[2, 1], [1, 2]], its inverse [[2, -1], [-1, 2]] / 3, so each item speaks for the other with 1 / 2
    assert EASE(past, strength=1).scores(past, np.array([0])) == pytest.approx(np.array([[0.5, 0.5]]))


def test_too_many_items_are_refused_with_the_bytes_they_would_take() -> None:
    past = interactions_of([("a", item, 1) for item in range(5)], num_items=5)
    with pytest.raises(CatalogueTooLargeError, match=r"5 x 5 weights .* at most 4 liked items"):
        EASE(past, strength=1, most_items=4)


def test_nobody_has_liked_anything_yet() -> None:
    past = interactions_of([], num_items=2)
    assert EASE(past, strength=1).scores(past, np.array([-1])).tolist() == [[0, 0]]


def test_a_strength_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        EASE(interactions_of([], num_items=2), strength=0)
