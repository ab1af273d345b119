"""A transformers model as a map from tokens to one vector, with the tokenizer that it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.encoders.pooling import POOLER, check_pooling, pool
from recsys.encoders.pretrained import load_pretrained, load_tokenizer
from recsys.encoders.projection import load_dense
from recsys.encoders.protocol import EncoderError

POSITIONS = ("position_embeddings", "position_embedding", "embed_positions", "wpe")
"""What transformers calls a table of positions."""


@dataclass(frozen=True, kw_only=True)
class TextTower:
    """All that makes a vector of a text."""

    tokenizer: Any
    module: nn.Module
    """`ids` int64 (batch, length) and `mask` bool (batch, length) to unit vectors (batch, dim); what it wraps is its `model`."""
    dim: int
    pooling: str
    longest: int | None = None
    """Tokens that it has positions for; None: as many as anybody asks for."""
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

    def at_most(self, max_tokens: int) -> int:
        """So many tokens, or those that the model has positions for."""
        return min(max_tokens, self.longest or max_tokens)

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
        model: Gives `last_hidden_state`, and `pooler_output` where the pooling is POOLER.
        pooling: POOLER, or see `recsys.encoders.pooling.pool`.
        dense: What follows the pooling; often nothing.
    """

    def __init__(self, model: nn.Module, pooling: str, dense: nn.Sequential) -> None:
        super().__init__()
        self.model, self.pooling, self.dense = model, pooling, dense

    def forward(self, ids: Int[Tensor, "batch length"], mask: Bool[Tensor, "batch length"]) -> Float[Tensor, "batch dim"]:
        """Unit vectors, float32."""
        found = self.model(input_ids=ids, attention_mask=mask.long())
        by_model = self.pooling == POOLER
        pooled = found.pooler_output.float() if by_model else pool(found.last_hidden_state.float(), mask, self.pooling)  # (batch, dim)
        return F.normalize(self.dense(pooled), dim=-1)


def load_text_tower(source: str, dtype: torch.dtype, *, pooling: str) -> TextTower:
    """An encoder, a decoder or the encoder half of a model with both, and how its tokens are pooled.

    Args:
        source: Name or folder of a transformers model.
        dtype: Number format of its weights.
        pooling: POOLER, or see `recsys.encoders.pooling.pool`.

    Raises:
        EncoderError: It cannot be loaded, or the pooling is unknown or not to be had.
    """
    check_pooling(pooling)
    model, lacking = load_pretrained(source, dtype, setting="text_model", class_of=_text_class, takes="`minilm`, ", may_lack="pooler")
    if lacking:
        model.pooler = None  # its weights would be drawn anew every night, and nothing here reads it
    model.config.use_cache = False  # a decoder would keep keys and values for a next token that nobody asks for
    encoder = model.get_encoder() if model.config.is_encoder_decoder else model
    if pooling == POOLER and getattr(encoder, "pooler", None) is None:
        raise EncoderError(f"the text model {source!r} has no trained pooler. Change [embed] text_pooling to mean, cls, max or last.")
    dense = load_dense(source, dim=int(encoder.config.hidden_size))
    module = PooledText(encoder, pooling, dense)
    return TextTower(
        tokenizer=load_tokenizer(source),
        module=module,
        dim=[int(encoder.config.hidden_size), *(layer.out_features for layer in dense.modules() if isinstance(layer, nn.Linear))][-1],
        pooling=pooling,
        longest=learned_positions(encoder),
    )


def learned_positions(model: nn.Module) -> int | None:
    """Tokens that a transformer has learned positions for; None where it works positions out (rotary, relative)."""
    tables = [part for name, part in model.named_modules() if isinstance(part, nn.Embedding) and name.rpartition(".")[2] in POSITIONS]
    return min((table.num_embeddings - _first_position(table) for table in tables), default=None)


def _first_position(table: nn.Embedding) -> int:
    """RoBERTa and its kin count from behind the padding token, BART and its kin from an offset."""
    return int(getattr(table, "offset", 0 if table.padding_idx is None else table.padding_idx + 1))


def _text_class(config: Any) -> Any:
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel, AutoModelForTextEncoding

    return AutoModelForTextEncoding if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING else AutoModel
