"""Encoders as ONNX graphs for queries: what `recsys.slate.query_encoder` reads without torch, transformers or timm."""

import copy
from pathlib import Path

import torch
from torch import nn

from recsys.encoders.image import ImageEncoder
from recsys.encoders.protocol import EncoderError
from recsys.encoders.query_files import IMAGE_GRAPH, TEXT_GRAPH, TOKENIZER, ImageQueries, TextQueries
from recsys.encoders.text import TextEncoder
from recsys.onnx_graph import write_graph

ANY = torch.export.Dim.DYNAMIC


def export_text_encoder(encoder: TextEncoder, folder: Path, *, encoder_version: str, query_prefix: str) -> TextQueries:
    """Write query_text.onnx and query_tokenizer.json.

    Args:
        encoder: In fp32.
        folder: Where to.
        encoder_version: Of the item vectors that queries will be compared with.
        query_prefix: Put before a query; empty: what stands before the texts of items.

    Raises:
        EncoderError: The tokenizer is one that no tokenizer.json can tell.
    """
    tower = encoder.tower
    if not tower.tokenizer.is_fast:
        raise EncoderError(
            f"{type(tower.tokenizer).__name__} cannot be written as tokenizer.json, which serving reads. Use a model that has this file, "
            "or publish without query encoders: [release] query_encoders = false."
        )
    tokenizer = copy.deepcopy(tower.tokenizer.backend_tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(encoder.max_tokens, direction=tower.tokenizer.truncation_side)
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
    length = tower.padded_to or min(5, encoder.max_tokens)
    ids = torch.full((3, length), 0 if tower.padding else 1)  # any token but padding
    mask = torch.arange(length) < torch.tensor([[length], [2], [1]])
    shapes = ({0: ANY} if tower.padded_to else {0: ANY, 1: ANY},) * 2
    write_graph(_on_cpu(tower.module), (ids, mask), folder / TEXT_GRAPH, names=("ids", "mask"), output="vector", shapes=shapes)
    return TextQueries(
        encoder_version=encoder_version,
        dim=tower.dim,
        prefix=query_prefix or encoder.prefix,
        item_prefix=encoder.prefix,
        padding=tower.padding,
        padded_to=tower.padded_to,
    )


def export_image_encoder(encoder: ImageEncoder, folder: Path, *, encoder_version: str) -> ImageQueries:
    """Write query_image.onnx.

    Args:
        encoder: In fp32.
        folder: Where to.
        encoder_version: Of the item vectors that queries will be compared with.
    """
    preparation = encoder.spec.preparation
    pixels = torch.zeros(2, 3, *preparation.final_shape)
    write_graph(_on_cpu(encoder.tower), (pixels,), folder / IMAGE_GRAPH, names=("pixels",), output="vector", shapes=({0: ANY},))
    return ImageQueries(encoder_version=encoder_version, dim=encoder.dim, preparation=preparation)


def _on_cpu(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).cpu().eval()
