"""Stars from a transformers model that was trained to classify texts by sentiment."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recsys.encoders.precision import best_device, resolve_precision
from recsys.encoders.pretrained import load_tokenizer
from recsys.encoders.protocol import EncoderError, version_digest
from recsys.encoders.stars import STARS
from recsys.encoders.text import length_batches
from recsys.encoders.text_tower import learned_positions, pad_tokens
from recsys.encoders.tokens import tokenize
from recsys.encoders.torchvision_operators import declare_torchvision_operators

POLES = {"negative": 1, "positive": 5}
ALLOWED = 'five labels, "1 star" to "5 stars", or two, NEGATIVE and POSITIVE'


class StarClassifier:
    """Read reviews with a published sentiment model; a `StarReader`.

    Args:
        model: Name or folder of a transformers sequence classifier; see `label_stars` for its labels.
        max_tokens: Longer texts are cut there.
        tokens_per_batch: A batch holds as many texts of like length as fit, padding counted; at least one.
        precision: `auto`, `bf16` or `fp32`.

    Raises:
        EncoderError: The model cannot be loaded, or its labels are no stars.
    """

    def __init__(self, model: str, *, max_tokens: int = 128, tokens_per_batch: int = 2048, precision: str = "auto") -> None:
        self._device = best_device()
        self._dtype = resolve_precision(precision, self._device)
        self._model = _load(model, self._dtype).to(self._device).eval().requires_grad_(False)
        self._tokenizer = load_tokenizer(model)
        self._stars = label_stars(self._model.config.id2label, model=model)
        self._max_tokens = min(max_tokens, learned_positions(self._model) or max_tokens, self._tokenizer.model_max_length)
        self._tokens_per_batch = tokens_per_batch

    @cached_property
    def version(self) -> str:
        """See `StarReader`."""
        facts = {
            "architecture": self._model.config.architectures,
            "vocabulary": sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1]),
            "stars": self._stars,
            "max_tokens": self._max_tokens,
            "precision": str(self._dtype),
        }
        return version_digest(facts, self._model)

    def read(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """See `StarReader`."""
        probabilities = np.zeros((len(texts), len(STARS)))
        if not len(texts):
            return probabilities
        places = [star - 1 for star in self._stars]
        tokens = tokenize(self._tokenizer, texts, max_tokens=self._max_tokens).ids
        for rows in length_batches([len(ids) for ids in tokens], self._tokens_per_batch):
            probabilities[np.ix_(rows, places)] = self._forward([tokens[row] for row in rows])
        return probabilities

    @torch.inference_mode()
    def _forward(self, tokens: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        ids, mask = pad_tokens(tokens, padding=int(self._tokenizer.pad_token_id or 0))
        logits = self._model(input_ids=ids.to(self._device), attention_mask=mask.long().to(self._device)).logits
        shares: npt.NDArray[np.float64] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
        return shares


def label_stars(labels: Mapping[int, str], *, model: str) -> list[int]:
    """How many stars each class of a model stands for.

    Args:
        labels: Class -> its name, as the model's config has it.
        model: Named in the error.

    Raises:
        EncoderError: They are neither one to five stars nor negative and positive.
    """
    names = [labels[place].lower() for place in sorted(labels)]
    found = [re.fullmatch(r"([1-5]) stars?", name) for name in names]
    stars = [int(match[1]) if match else POLES.get(name, 0) for match, name in zip(found, names, strict=True)]
    if (all(found) and sorted(stars) == STARS.tolist()) or sorted(names) == sorted(POLES):
        return stars
    raise EncoderError(
        f"the labels of {model!r} are {list(labels.values())}; allowed are {ALLOWED}. Name another model in [reviews] model."
    )


def _load(source: str, dtype: torch.dtype) -> Any:
    declare_torchvision_operators()
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            source, local_files_only=Path(source).is_dir(), dtype=dtype, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"cannot load the sentiment model {source!r}: {error}. [reviews] model takes a folder, or a name that a model hub within reach "
            "knows; empty: the shop's own."
        ) from error
    if info["missing_keys"]:
        lacking = ", ".join(sorted(info["missing_keys"])[:3])
        raise EncoderError(
            f"the weights of {source!r} lack {lacking}: it was not trained to classify. Name another model in [reviews] model."
        )
    return model
