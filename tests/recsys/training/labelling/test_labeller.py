from dataclasses import replace

import numpy as np
import pytest

from recsys.training.labelling.config import LabelsConfig
from recsys.training.labelling.features import label_features
from recsys.training.labelling.judging import OUT_OF_REACH
from recsys.training.labelling.labeller import calibrate, learn_labels

CONFIG = LabelsConfig()
COLOURS = ("blue", "green", "red")


def world(number: int = 600, *, noise: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features in which a coordinate stands for each colour, and the colours."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, number)
    features = np.eye(3, 8)[truth] + noise * random.normal(size=(number, 8))
    return features.astype(np.float32), np.array(COLOURS, dtype=object)[truth]


def test_what_can_be_seen_is_learned_and_guessed() -> None:
    features, truth = world()
    values = [value if at % 3 else None for at, value in enumerate(truth)]
    learned = learn_labels(features, values, np.arange(600), CONFIG)
    assert learned is not None
    lacking = np.array([value is None for value in values])
    guesses, scores = learned[0].guess(features[lacking])
    assert (guesses == truth[lacking]).mean() > 0.97
    assert ((scores > 0) & (scores <= 1)).all()
    assert learned[1].accuracy > 0.97
    assert learned[1].macro_f1 > 0.97


def test_the_labels_that_are_kept_are_as_precise_as_asked() -> None:
    features, truth = world(6000, noise=0.8)
    learned = learn_labels(features[:3000], list(truth[:3000]), np.arange(3000), replace(CONFIG, precision=0.95))
    assert learned is not None
    assert learned[1].accuracy < 0.85
    guesses, scores = learned[0].guess(features[3000:])
    kept = scores >= learned[0].threshold
    assert 0.94 < (guesses == truth[3000:])[kept].mean() < 0.99
    assert kept.mean() == pytest.approx(learned[1].coverage, abs=0.08)


def test_scores_mean_what_they_say() -> None:
    features, truth = world(6000, noise=0.8)
    learned = learn_labels(features[:3000], list(truth[:3000]), np.arange(3000), CONFIG)
    assert learned is not None
    guesses, scores = learned[0].guess(features[3000:])
    assert scores.mean() == pytest.approx((guesses == truth[3000:]).mean(), abs=0.03)


def test_what_cannot_be_seen_is_never_guessed() -> None:
    features, truth = world(600, noise=0.0)
    shuffled = np.random.default_rng(1).permutation(truth)
    learned = learn_labels(features, list(shuffled), np.arange(600), CONFIG)
    assert learned is not None
    assert learned[0].threshold == OUT_OF_REACH
    assert learned[1].precision is None
    assert learned[1].coverage == 0


def test_a_rare_value_is_not_learned_and_counts_as_wrong() -> None:
    features, truth = world(600, noise=0.05)
    truth[:9] = "gold"
    learned = learn_labels(features, list(truth), np.arange(600), CONFIG)
    assert learned is not None
    assert list(learned[0].model.classes_) == list(COLOURS)
    common, _ = learn_labels(features[9:], list(truth[9:]), np.arange(591), CONFIG) or (None, None)
    assert common is not None
    assert learned[1].macro_f1 <= 0.9 or learned[1].accuracy == 1  # none of the nine may have been drawn to judge


@pytest.mark.parametrize("values", [["red"] * 60, ["red", "blue"] * 3 + [None] * 54, [None] * 60])
def test_without_two_values_to_learn_there_is_no_labeller(values: list[str | None]) -> None:
    features, _ = world(60)
    assert learn_labels(features, values, np.arange(60), CONFIG) is None


def test_variants_of_a_product_are_never_learned_from_and_judged_by() -> None:
    random = np.random.default_rng(0)
    products = random.normal(size=(100, 300)).astype(np.float32)  # looks that tell a product, and nothing of its colour
    colour = random.integers(0, 3, 100)
    group = np.repeat(np.arange(100), 6)
    learned = learn_labels(products[group], [COLOURS[at] for at in colour[group]], group, CONFIG)
    assert learned is not None
    assert learned[1].accuracy < 0.6


def test_two_values_have_probabilities_as_well() -> None:
    features, truth = world()
    learned = learn_labels(features, ["red" if value == "red" else "other" for value in truth], np.arange(600), CONFIG)
    assert learned is not None
    guesses, scores = learned[0].guess(features)
    assert set(guesses) == {"red", "other"}
    assert scores.min() >= 0.5


def test_logits_that_are_too_sure_are_cooled() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 4000)
    seen = np.where(random.random(4000) < 0.75, truth, 1 - truth)
    temperature, loss = calibrate(10 * np.eye(2)[seen], truth)
    assert 1 / (1 + np.exp(-10 / temperature)) == pytest.approx(0.75, abs=0.02)
    assert loss == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25), abs=0.02)


def test_a_modality_that_no_item_has_is_no_feature() -> None:
    nowhere = np.zeros(2, bool)
    vectors = {"text": np.full((2, 1), 0.3, np.float32), "description": np.zeros((2, 8), np.float32)}
    assert label_features(vectors, {"text": ~nowhere, "description": nowhere}).shape == (2, 2)
    assert label_features(vectors, {"text": nowhere, "description": nowhere}).shape == (2, 0)


def test_an_absent_modality_is_zero_and_says_so() -> None:
    features = label_features(
        {"image": np.full((2, 2), 0.5, np.float32), "text": np.full((2, 1), 0.3, np.float32)},
        {"image": np.array([True, False]), "text": np.array([True, True])},
    )
    assert features.tolist() == [[0.5, 0.5, 1.0, pytest.approx(0.3), 1.0], [0.0, 0.0, 0.0, pytest.approx(0.3), 1.0]]
