from dataclasses import replace
from typing import Any

import pytest

from recsys.training.labelling.config import LabelsConfig

ZERO_SHOT = {"colour": ("red", "blue")}


@pytest.mark.parametrize(("key", "value"), [("precision", 1.0), ("held_out_share", 0.0), ("min_items", 1), ("zero_shot_score", 1.0)])
def test_settings_that_cannot_work_are_named(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        replace(LabelsConfig(), **{key: value})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"zero_shot": ZERO_SHOT, "attributes": ("colour",)}, "colour is in attributes and in zero_shot"),
        ({"zero_shot": {"colour": ("red",)}}, "names at least two values, each once"),
        ({"zero_shot": {"colour": ("red", "red")}}, "names at least two values, each once"),
        ({"prompt": "a photo"}, "the prompt is 'a photo'; it has {} once"),
        ({"zero_shot": ZERO_SHOT, "prompts": {"colour": "{} or {}"}}, "it has {} once"),
        ({"zero_shot": ZERO_SHOT, "prompts": {"color": "a {}"}}, "prompts names color, of which zero_shot names no values"),
    ],
)
def test_zero_shot_settings_that_cannot_work_are_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        LabelsConfig(**settings)
