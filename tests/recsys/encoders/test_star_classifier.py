from pathlib import Path

import numpy as np
import pytest

from recsys.encoders.protocol import EncoderError
from recsys.encoders.star_classifier import StarClassifier, label_stars
from tests.support.tiny_transformers import save_classifier, save_tiny

TEXTS = ["a red wool scarf", "cursed", "a steel mug for coffee a red wool scarf"]
FIVE = ("5 stars", "1 star", "2 stars", "3 stars", "4 stars")


def test_each_class_is_read_as_the_stars_of_its_label(tmp_path: Path) -> None:
    told = StarClassifier(str(save_classifier(tmp_path, FIVE)), precision="fp32").read(TEXTS)
    in_order = StarClassifier(str(save_classifier(tmp_path / "b", sorted(FIVE))), precision="fp32").read(TEXTS)
    assert told.sum(axis=1) == pytest.approx(1)
    assert told[:, 4] == pytest.approx(in_order[:, 0])  # the first class has other labels, and the same weights


def test_two_poles_are_one_star_and_five(tmp_path: Path) -> None:
    told = StarClassifier(str(save_classifier(tmp_path, ("NEGATIVE", "POSITIVE"))), precision="fp32").read(TEXTS)
    assert told[:, [0, 4]].sum(axis=1) == pytest.approx(1)


def test_a_text_is_read_alike_alone_and_beside_others(tmp_path: Path) -> None:
    reader = StarClassifier(str(save_classifier(tmp_path, FIVE)), tokens_per_batch=64, precision="fp32")
    alone = np.concatenate([reader.read([text]) for text in TEXTS])
    assert reader.read(TEXTS) == pytest.approx(alone, abs=1e-5)
    assert reader.read([]).shape == (0, 5)


def test_the_version_knows_labels_and_length(tmp_path: Path) -> None:
    folder = str(save_classifier(tmp_path, FIVE))
    other = str(save_classifier(tmp_path / "b", sorted(FIVE)))
    versions = {StarClassifier(path, max_tokens=length, precision="fp32").version for path in (folder, other) for length in (16, 32)}
    assert len(versions) == 4


@pytest.mark.parametrize("labels", [("joy", "anger"), ("LABEL_0", "LABEL_1"), FIVE[:4], ("1 star", "POSITIVE")])
def test_other_labels_are_refused_with_what_was_found_and_what_is_allowed(labels: tuple[str, ...]) -> None:
    with pytest.raises(EncoderError, match=r"the labels of 'm' are .*allowed are five labels, \"1 star\" to \"5 stars\", or two"):
        label_stars(dict(enumerate(labels)), model="m")


def test_a_model_that_cannot_classify_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"lack classifier\.bias.*was not trained to classify"):
        StarClassifier(str(save_tiny(tmp_path, "bert")))
    with pytest.raises(EncoderError, match=r"cannot load the sentiment model .*\[reviews\] model takes a folder"):
        StarClassifier("./no/such-folder/here")
