"""A small world whose right answer is known: red photos are called red, blue ones blue, and who wants a red thing wants another."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from recsys.encoders.image import ImageEncoderSpec, new_model
from recsys.encoders.text_tower import load_text_tower
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.items import PairItems, hold_out
from recsys.training.fine_tuning.sides import PhotoSide, TextSide
from tests.support.tiny_transformers import WORDS, save_tiny

SPEC = ImageEncoderSpec(
    model="mobilenetv3_small_050", options=(), pooling="levels", size=32, crop=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
LOOKS = {"red": (200, 30, 30), "blue": (30, 30, 200), "steel": (130, 130, 130), "wool": (220, 220, 180)}
THINGS = ("scarf", "mug", "coffee")
SETTINGS: dict[str, Any] = {"batch": 12, "chunk": 12, "min_pairs": 10, "held_out_share": 0.25, "precision": "fp32", "learning_rate": 1e-3}


def paired_items(number: int = 48, *, without_photo: int = 0, without_text: int = 0, seed: int = 0) -> PairItems:
    """Items with a noisy photo of one of LOOKS and a text of it and of one of THINGS; the next of its look is wanted with it."""
    random = np.random.default_rng(seed)
    looks = [list(LOOKS)[at % len(LOOKS)] for at in range(number)]
    noise = random.integers(-25, 25, (number, 3, 32, 32))
    pixels = (np.array([LOOKS[look] for look in looks])[:, :, None, None] + noise).clip(0, 255).astype(np.uint8)
    fields = [(f"a {look}", f"{THINGS[at % len(THINGS)]} of {at}") for at, look in enumerate(looks)]
    photo = np.arange(number)
    photo[:without_photo] = -1
    place = np.arange(number)
    return PairItems(
        pixels=torch.from_numpy(pixels),
        photo=photo,
        fields=[() if at >= number - without_text else each for at, each in enumerate(fields)],
        group=place,
        co_clicks=np.stack([place[:-4], place[4:]], axis=1),
        held_out=hold_out(place, share=0.25, seed=seed),
    )


def photo_side(items: PairItems, config: FineTuneConfig) -> PhotoSide:
    """Untrained, always with the same weights."""
    return PhotoSide(items, new_model(SPEC.model, (), seed=1), SPEC, config)


def text_side(items: PairItems, config: FineTuneConfig, folder: Path, *, blind: bool = False) -> TextSide:
    """A tiny transformer written into a folder, always with the same weights; `blind`: all LOOKS are one word to it."""
    tower = load_text_tower(str(save_tiny(folder, "bert")), torch.float32, pooling="mean")
    if blind:
        with torch.no_grad():
            tower.model.embeddings.word_embeddings.weight[[WORDS.index(look) for look in LOOKS]] = 0.01
    return TextSide(items, tower, prefix="", max_tokens=16, config=config)
