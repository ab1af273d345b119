"""Photos and prompts in a plane, where the cosine can be seen; and prompts through a joint model."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.encoders.protocol import EncoderError
from recsys.encoders.text import TextEncoder
from recsys.training.labelling.config import LabelsConfig
from recsys.training.labelling.judging import OUT_OF_REACH
from recsys.training.labelling.zero_shot import ZeroShotLabeller, describe_values, judge_zero_shot
from tests.support.tiny_joint import KINDS, save_tiny_joint

CONFIG = LabelsConfig(zero_shot_score=0.7)
RED_BLUE = ZeroShotLabeller(values=("red", "blue"), prompts=np.eye(2, dtype=np.float32), scale=10.0)


def photos_at(*degrees: float) -> np.ndarray:
    """Unit vectors; red is at 0 degrees and blue at 90."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def world(number: int, *, wrong: float = 0.0, seed: int = 0) -> tuple[np.ndarray, list[str | None]]:
    """Photos nearer to their colour, but for a share of them that are nearly as near to the other, and told wrongly."""
    random = np.random.default_rng(seed)
    blue, unsure = random.random(number) < 0.5, random.random(number) < 2 * wrong
    degrees = np.where(unsure, 45 + np.where(blue, 1, -1), np.where(blue, 80, 10))
    told = np.where(unsure & (random.random(number) < 0.5), ~blue, blue)
    return photos_at(*degrees), ["blue" if one else "red" for one in told]


def test_a_score_is_the_share_of_the_softmax_at_the_scale_of_the_model() -> None:
    guesses, scores = RED_BLUE.guess(photos_at(0, math.degrees(math.asin(0.8))))
    assert guesses.tolist() == ["red", "blue"]
    assert scores.tolist() == pytest.approx([1 / (1 + math.exp(-10)), 1 / (1 + math.exp(-10 * (0.8 - 0.6)))], abs=1e-6)


def test_everything_the_shop_says_is_held_out_and_judges() -> None:
    photos, values = world(100)
    labeller, judged = judge_zero_shot(RED_BLUE, photos, values, np.arange(100), CONFIG)
    assert judged is not None
    assert (judged.items, judged.accuracy, judged.macro_f1) == (100, 1, 1)
    assert (judged.precision, judged.coverage) == (1, 1)
    assert labeller.threshold == pytest.approx(RED_BLUE.guess(photos_at(10))[1][0])


def test_the_threshold_leaves_out_what_is_no_better_than_a_coin() -> None:
    photos, values = world(2000, wrong=0.15)
    labeller, judged = judge_zero_shot(RED_BLUE, photos, values, np.arange(2000), CONFIG)
    assert judged is not None
    assert judged.accuracy == pytest.approx(0.85, abs=0.03)
    assert judged.precision == 1
    assert judged.coverage == pytest.approx(0.7, abs=0.03)
    assert labeller.threshold > RED_BLUE.guess(photos_at(44))[1][0]


def test_values_that_are_not_in_the_list_are_wrong_and_leave_nothing() -> None:
    photos, values = world(100)
    labeller, judged = judge_zero_shot(RED_BLUE, photos, [f"dark {value}" for value in values], np.arange(100), CONFIG)
    assert judged is not None
    assert (judged.accuracy, judged.precision, labeller.threshold) == (0, None, OUT_OF_REACH)


def test_a_shop_that_says_it_of_nobody_gets_the_score_of_the_config() -> None:
    photos, _ = world(100)
    labeller, judged = judge_zero_shot(RED_BLUE, photos, [None] * 100, np.arange(100), CONFIG)
    assert (labeller.threshold, judged) == (0.7, None)


@pytest.mark.parametrize(("stated", "chosen"), [(10, False), (60, True)])
def test_a_few_items_that_say_it_judge_but_do_not_choose(stated: int, chosen: bool) -> None:
    photos, values = world(100)
    labeller, judged = judge_zero_shot(RED_BLUE, photos, values[:stated] + [None] * (100 - stated), np.arange(100), CONFIG)
    assert judged is not None
    assert judged.items == stated
    assert (labeller.threshold != 0.7) == chosen


def test_variants_of_a_product_are_in_one_half() -> None:
    """All are of one product, so no half is left to tell what the other has chosen."""
    photos, values = world(100)
    assert judge_zero_shot(RED_BLUE, photos, values, np.zeros(100, np.int64), CONFIG)[0].threshold == 0.7


def test_items_without_a_photo_judge_nothing() -> None:
    photos, values = world(100)
    photos[40:] = 0
    judged = judge_zero_shot(RED_BLUE, photos, values, np.arange(100), replace(CONFIG, precision=0.5))[1]
    assert judged is not None
    assert judged.items == 40


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_read_in_their_prompt_and_compared_at_the_scale_of_the_model(tmp_path: Path, kind: str) -> None:
    from transformers import AutoModel

    encoder = TextEncoder(str(save_tiny_joint(tmp_path, kind)), pooling="joint", precision="fp32")
    labeller = describe_values(encoder, ["red", "blue"], "a {} mug")
    assert labeller.prompts == pytest.approx(encoder.encode(["a red mug", "a blue mug"]), abs=1e-5)
    assert labeller.scale == pytest.approx(AutoModel.from_pretrained(tmp_path).logit_scale.exp().item())


def test_a_prompt_that_would_be_cut_is_refused(tmp_path: Path) -> None:
    encoder = TextEncoder(str(save_tiny_joint(tmp_path, "siglip")), pooling="joint", precision="fp32")
    with pytest.raises(EncoderError, match=r"of coffee blue' is longer than the 10 tokens that are read\. Shorten \[labels\] prompt"):
        describe_values(encoder, ["blue"], "a mug " * 4 + "of coffee {}")
