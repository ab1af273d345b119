"""What a release says of its query encoders: file names, and all that a process without torch must know beside the graphs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from recsys.encoders.photo_preparation import PhotoPreparation

DESCRIPTION = "query_encoders.json"
TOKENIZER = "query_tokenizer.json"
TEXT_GRAPH = "query_text.onnx"
IMAGE_GRAPH = "query_image.onnx"
AT_LEAST = 0.999
"""Lowest cosine of a graph's vector to that of the model it was made of; below it the graph is not published."""


@dataclass(frozen=True, kw_only=True)
class QueryParity:
    """How near the vectors of a graph, from raw content on, are to those of its model in fp32."""

    compared: int
    """Items whose own photo or text was encoded by both."""
    min_cosine: float | None = None
    mean_cosine: float | None = None
    min_cosine_to_items: float | None = None
    """To the vectors in the table `item_embeddings`, whose number format may be shorter; None where nothing was compared."""


@dataclass(frozen=True, kw_only=True)
class TextQueries:
    """How texts become inputs of query_text.onnx: `ids` and `mask`, (batch, length), to `vector` (batch, dim) of length 1.

    The tokenizer is query_tokenizer.json, which cuts texts itself.
    """

    encoder_version: str
    """Of the item vectors of modality `text`, with which these vectors can be compared."""
    dim: int
    prefix: str
    """Put before a query."""
    item_prefix: str
    """Put before the text of an item."""
    padding: int
    """The token behind the end of a shorter text, where the mask is False."""
    padded_to: int
    """Tokens that every text is padded to; 0: to the longest beside it."""


@dataclass(frozen=True, kw_only=True)
class ImageQueries:
    """How photos become the input of query_image.onnx: `pixels` float32 (batch, 3, height, width) to `vector` (batch, dim) of length 1."""

    encoder_version: str
    """Of the item vectors of modality `image`."""
    dim: int
    preparation: PhotoPreparation


@dataclass(frozen=True, kw_only=True)
class QueryDescription:
    """query_encoders.json."""

    text: TextQueries | None
    image: ImageQueries | None
    one_space: bool
    """Whether the vectors of texts and of photos come from one joint model and can be compared with each other."""
    parity: Mapping[str, QueryParity]
    """By modality."""


def save_description(folder: Path, description: QueryDescription) -> None:
    """Write query_encoders.json into a folder."""
    (folder / DESCRIPTION).write_text(json.dumps(asdict(description), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_description(folder: Path) -> QueryDescription:
    """Read what `save_description` wrote.

    Raises:
        ValueError: Something is missing, or of another type.
    """
    return TypeAdapter(QueryDescription).validate_json((folder / DESCRIPTION).read_bytes())
