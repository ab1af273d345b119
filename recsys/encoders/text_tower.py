"""A transformers model as a map from tokens to one vector, with the tokenizer that it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.encoders.pooling import check_pooling, pool
from recsys.encoders.protocol import EncoderError
from recsys.encoders.torchvision_operators import declare_torchvision_operators


@dataclass(frozen=True, kw_only=True)
class TextTower:
    """All that makes a vector of a text."""

    tokenizer: Any
    module: nn.Module
    """`ids` int64 (batch, length) and `mask` bool (batch, length) to unit vectors (batch, dim); what it wraps is its `model`."""
    dim: int
    pooling: str
    longest: int | None = None
    """Tokens that it has positions for; None: no fewer than anybody asks for."""
    padded_to: int = 0
    """Every text is padded to so many tokens; 0: to the longest beside it."""

    @property
    def model(self) -> Any:
        """The transformer itself, which is what is fine-tuned and saved."""
        return self.module.model

    @property
    def padding(self) -> int:
        """The token that stands where a text has ended."""
        return int(self.tokenizer.pad_token_id or 0)

    def pad(self, tokens: Sequence[Sequence[int]]) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
        """Token ids of texts, each with at least one token, side by side; and which of them are no padding."""
        return pad_tokens(tokens, padding=self.padding, padded_to=self.padded_to)


def pad_tokens(
    tokens: Sequence[Sequence[int]], *, padding: int, padded_to: int = 0
) -> tuple[Int[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """See `TextTower.pad`."""
    lengths = torch.tensor([len(ids) for ids in tokens])
    longest = max(int(lengths.max()), padded_to)
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in tokens])
    return ids, torch.arange(longest) < lengths[:, None]


class PooledText(nn.Module):
    """Pool the tokens of a model to one unit vector.

    Args:
        model: Gives `last_hidden_state`.
        pooling: See `recsys.encoders.pooling.pool`.
    """

    def __init__(self, model: nn.Module, pooling: str) -> None:
        super().__init__()
        self.model, self.pooling = model, pooling

    def forward(self, ids: Int[Tensor, "batch length"], mask: Bool[Tensor, "batch length"]) -> Float[Tensor, "batch dim"]:
        """Unit vectors, float32."""
        hidden = self.model(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()  # (batch, length, dim)
        return F.normalize(pool(hidden, mask, self.pooling), dim=-1)


def load_text_tower(source: str, dtype: torch.dtype, *, pooling: str) -> TextTower:
    """An encoder, a decoder or the encoder half of a model with both, and how its tokens are pooled.

    Args:
        source: Name or folder of a transformers model.
        dtype: Number format of its weights.
        pooling: See `recsys.encoders.pooling.pool`.

    Raises:
        EncoderError: It cannot be loaded, or the pooling is unknown.
    """
    check_pooling(pooling)
    declare_torchvision_operators()
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoConfig, AutoModel, AutoModelForTextEncoding
    from transformers.utils import logging

    logging.disable_progress_bar()
    local = Path(source).is_dir()
    try:
        tokenizer = load_tokenizer(source)
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
    encoder = model.get_encoder() if model.config.is_encoder_decoder else model
    return TextTower(tokenizer=tokenizer, module=PooledText(encoder, pooling), dim=int(encoder.config.hidden_size), pooling=pooling)


def load_tokenizer(source: str) -> Any:
    """The tokenizer of a model; where its class needs a package that is not installed, what its tokenizer.json says."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    local = Path(source).is_dir()
    try:
        return AutoTokenizer.from_pretrained(source, local_files_only=local)
    except ImportError as error:
        try:
            return PreTrainedTokenizerFast.from_pretrained(source, local_files_only=local)
        except (OSError, ValueError) as second:
            raise EncoderError(f"the tokenizer of {source!r} cannot be read: {error} It has no tokenizer.json either: {second}") from error
