from pathlib import Path

import numpy as np
import pytest

from recsys.encoders.stars import expected_stars, likely_stars, sentiment
from recsys.training.sentiment.star_model import StarModel, learn_stars


def world(stars: tuple[int, ...], *, number: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of which a coordinate stands for each number of stars."""
    random = np.random.default_rng(0)
    given = random.choice(stars, number)
    vectors = np.eye(5, 8)[given - 1] + 0.4 * random.normal(size=(number, 8))
    return vectors.astype(np.float32), given


@pytest.mark.parametrize("stars", [(1, 2, 3, 4, 5), (1, 5), (2, 3, 5)])
def test_stars_are_learned_and_those_that_nobody_gave_are_never_told(stars: tuple[int, ...]) -> None:
    vectors, given = world(stars)
    model = learn_stars(vectors[:400], given[:400], np.arange(400))
    assert model is not None
    told = model.probabilities(vectors[400:])
    assert told.sum(axis=1) == pytest.approx(1)
    assert (likely_stars(told) == given[400:]).mean() > 0.8
    assert not np.delete(told, np.array(stars) - 1, axis=1).any()


def test_too_few_reviews_of_any_kind_are_not_learned_from() -> None:
    vectors, given = world((5,), number=100)
    assert learn_stars(vectors, given, np.arange(100)) is None


def test_a_model_reads_the_same_once_it_was_saved(tmp_path: Path) -> None:
    vectors, given = world((1, 3, 5))
    model = learn_stars(vectors, given, np.arange(600))
    assert model is not None
    model.save(tmp_path / "model.safetensors")
    again = StarModel.load(tmp_path / "model.safetensors")
    assert again.version == model.version
    assert np.array_equal(again.probabilities(vectors), model.probabilities(vectors))


def test_a_sentiment_is_where_expected_stars_lie_between_one_and_five() -> None:
    told = np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0.5, 0.5]])
    assert expected_stars(told) == pytest.approx([1, 5, 3, 4.5])
    assert sentiment(told).tolist() == [-1, 1, 0, 0.75]
