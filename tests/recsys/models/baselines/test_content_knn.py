import numpy as np
import pytest

from recsys.models.baselines.content_knn import NO_CONTENT, ContentKNN, NoContentError
from tests.support.behaviour import interactions_of, items_of

TEXT = np.array([[1, 0], [0.9, 0.1], [-1, 0], [0, 0], [0, 0], [-0.9, -0.1]], np.float32)
HAS_TEXT = np.array([True, True, True, False, False, True])
IMAGE = np.array([[0, 1], [0, 0], [0, -1], [0, 1], [0, 0], [0, 0]], np.float32)
HAS_IMAGE = np.array([True, False, True, True, False, False])
ITEMS = items_of(6, vectors={"text": TEXT, "image": IMAGE}, presence={"text": HAS_TEXT, "image": HAS_IMAGE})
PAST = interactions_of([("a", 0, 1), ("b", 4, 1), ("c", 5, 1), ("c", 4, 1)], num_items=6)


def test_what_reads_like_the_liked_item_comes_first_and_its_opposite_last() -> None:
    scores = ContentKNN(PAST, ITEMS).scores(PAST, np.array([0]))[0]
    assert scores[0] == pytest.approx(1)
    assert scores[1] > 0.9
    assert scores[2] < -0.9


def test_an_item_without_text_is_compared_by_its_photo() -> None:
    scores = ContentKNN(PAST, ITEMS).scores(PAST, np.array([0]))[0]
    assert scores[3] == pytest.approx(1)  # the same picture as the liked item's


def test_an_item_without_text_is_compared_by_its_description_before_its_photo() -> None:
    told = np.array([[0, 1], [0, 0], [0, 0], [0, -1], [0, 0], [0, 0]], np.float32)
    items = items_of(6, vectors={**ITEMS.vectors, "description": told}, presence={**ITEMS.presence, "description": told.any(axis=1)})
    scores = ContentKNN(PAST, items).scores(PAST, np.array([0]))[0]
    assert scores[3] == pytest.approx(-1)  # the same picture as the liked item's, but described as its opposite
    assert scores[:3] == pytest.approx(ContentKNN(PAST, ITEMS).scores(PAST, np.array([0]))[0, :3])  # what has a text is compared by that


def test_an_item_with_neither_is_compared_by_another_modality() -> None:
    sound = np.array([[0, 1], [0, 0], [0, -1], [0, 0], [0, 1], [0, -1]], np.float32)
    items = items_of(6, vectors={**ITEMS.vectors, "audio": sound}, presence={**ITEMS.presence, "audio": sound.any(axis=1)})
    scores = ContentKNN(PAST, items).scores(PAST, np.array([0]))[0]
    assert scores[4] == pytest.approx(1)  # it sounds like the liked item


def test_an_item_without_any_content_comes_after_all_others() -> None:
    scores = ContentKNN(PAST, ITEMS).scores(PAST, np.array([0]))[0]
    assert scores[4] == NO_CONTENT
    assert (scores[[0, 1, 2, 3, 5]] > NO_CONTENT).all()


@pytest.mark.parametrize("row", [-1, 1], ids=["unknown user", "user who liked only what has no content"])
def test_who_cannot_be_compared_gets_popularity(row: int) -> None:
    assert ContentKNN(PAST, ITEMS).scores(PAST, np.array([row])).tolist() == [[1, 0, 0, 0, 2, 1]]


def test_a_catalogue_without_vectors_is_refused() -> None:
    with pytest.raises(NoContentError, match="needs item vectors; no item of the catalogue has one"):
        ContentKNN(PAST, items_of(6))
