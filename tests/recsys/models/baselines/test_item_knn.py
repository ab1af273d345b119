import numpy as np
import pytest

from recsys.models.baselines import item_knn
from recsys.models.baselines.item_knn import ItemKNN
from recsys.models.baselines.liked import liked
from tests.support.behaviour import interactions_of, random_interactions


def reference(matrix: np.ndarray, neighbours: int) -> np.ndarray:
    """Cosines in full; in each column all but the nearest are put to zero, those as near as the last one stay."""
    length = np.sqrt(np.maximum(matrix.sum(axis=0), 1e-9))
    cosines = matrix.T @ matrix / np.outer(length, length)
    np.fill_diagonal(cosines, 0)
    cosines[cosines < np.sort(cosines, axis=0)[-neighbours]] = 0
    return cosines


@pytest.mark.parametrize("neighbours", [1, 5, 29])
def test_it_agrees_with_a_dense_reference(neighbours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_knn, "COLUMNS_AT_ONCE", 7)  # so that several blocks meet, the last one short
    past = random_interactions(2, num_users=40, num_items=30, num_events=300)
    matrix = liked(past).toarray().astype(np.float64)
    rows = np.flatnonzero(matrix.any(axis=1))
    scores = ItemKNN(past, neighbours=neighbours).scores(past, rows)
    assert scores == pytest.approx(matrix[rows] @ reference(matrix, neighbours), abs=1e-5)


def test_the_cosine_of_two_items_by_hand() -> None:
    past = interactions_of([("a", 0, 1), ("a", 1, 1), ("b", 0, 1)], num_items=2)
    scores = ItemKNN(past, neighbours=5).scores(past, np.array([1]))
    assert scores[0] == pytest.approx([0, 1 / np.sqrt(2 * 1)])  # one user in common of two and one


def test_a_user_without_a_liked_past_gets_popularity() -> None:
    past = interactions_of([("a", 0, 1), ("b", 0, 1), ("b", 1, 1)], num_items=2)
    assert ItemKNN(past, neighbours=1).scores(past, np.array([-1])).tolist() == [[2, 1]]


def test_no_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ItemKNN(interactions_of([], num_items=2), neighbours=0)


def test_a_catalogue_of_one_item_has_no_neighbours() -> None:
    past = interactions_of([("a", 0, 1)], num_items=1)
    assert ItemKNN(past, neighbours=5).scores(past, np.array([0])).tolist() == [[0]]
