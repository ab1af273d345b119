"""A text or a photo as a vector of the space that a release's items lie in, by the release's own graphs: no torch, transformers or timm."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from recsys.encoders.photo_preparation import photo_pixels, photo_values
from recsys.encoders.query_files import DESCRIPTION, IMAGE_GRAPH, TEXT_GRAPH, TOKENIZER, ImageQueries, TextQueries, load_description
from recsys.slate.release_reader import DamagedReleaseError, MissingReleaseError, open_graph


class TextQueryEncoder:
    """Encode texts as the night has encoded those of items.

    Args:
        folder: Of the release.
        told: What query_encoders.json says of texts.
    """

    def __init__(self, folder: Path, told: TextQueries) -> None:
        self.told = told
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._graph = open_graph(folder / TEXT_GRAPH)
        self._inputs = {entry.name for entry in self._graph.get_inputs()}

    def encode(self, texts: Sequence[str], *, of_items: bool = False) -> npt.NDArray[np.float32]:
        """(texts, dim) unit vectors; zero for a text without any token.

        Args:
            texts: What people ask for; texts of like length waste least on padding.
            of_items: These are texts of items, not queries: a model may want another prefix before them.
        """
        vectors = np.zeros((len(texts), self.told.dim), np.float32)
        prefix = self.told.item_prefix if of_items else self.told.prefix
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch([prefix + text for text in texts])]
        rows = [row for row, ids in enumerate(tokens) if ids]
        if not rows:
            return vectors
        length = max(self.told.padded_to, *(len(tokens[row]) for row in rows))
        ids = np.array([tokens[row] + [self.told.padding] * (length - len(tokens[row])) for row in rows], np.int64)
        mask = np.arange(length) < np.array([[len(tokens[row])] for row in rows])
        feeds = {"ids": ids, "mask": mask}
        vectors[rows] = self._graph.run(["vector"], {name: feeds[name] for name in self._inputs})[0]
        return vectors


class ImageQueryEncoder:
    """Encode photos as the night has encoded those of items.

    Args:
        folder: Of the release.
        told: What query_encoders.json says of photos.
    """

    def __init__(self, folder: Path, told: ImageQueries) -> None:
        self.told = told
        self._graph = open_graph(folder / IMAGE_GRAPH)

    def encode(self, photos: Sequence[bytes]) -> npt.NDArray[np.float32]:
        """(photos, dim) unit vectors of photos' files.

        Raises:
            UnreadablePhotoError: One of them holds no photo; see `recsys.encoders.photo_formats.decode_photo`.
        """
        if not photos:
            return np.zeros((0, self.told.dim), np.float32)
        how = self.told.preparation
        pixels = np.stack([photo_values(photo_pixels(content, how), how) for content in photos])
        vectors: npt.NDArray[np.float32] = self._graph.run(["vector"], {"pixels": pixels})[0]
        return vectors


@dataclass(frozen=True, kw_only=True)
class QueryEncoders:
    """The query encoders of a release; None where its shop encodes no such content."""

    text: TextQueryEncoder | None
    image: ImageQueryEncoder | None
    one_space: bool
    """Whether a text's vector can be compared with those of photos, and the other way round."""


def open_query_encoders(folder: Path) -> QueryEncoders:
    """Load the graphs; their weights stay in memory (90 MB for MiniLM), so a process does it once per release.

    The vectors are those of the table `item_embeddings`. What a release holds of its items lies around the mean of the catalogue:
    `recsys.data.ranking_items.centred_units` brings a query there, by the centre of the query's own modality in `new_items.json`.

    Args:
        folder: Of a release whose files were checked: see `recsys.slate.release_reader.read_release`.

    Raises:
        MissingReleaseError: The release was published without them.
        DamagedReleaseError: They cannot be loaded.
    """
    if not (folder / DESCRIPTION).is_file():
        raise MissingReleaseError(
            f"release {folder.name} has no query encoders: it was published with [release] query_encoders = false, or by an older version. "
            "Run `vitrine nightly` with query_encoders = true."
        )
    try:
        told = load_description(folder)
        return QueryEncoders(
            text=TextQueryEncoder(folder, told.text) if told.text else None,
            image=ImageQueryEncoder(folder, told.image) if told.image else None,
            one_space=told.one_space,
        )
    except Exception as error:  # a graph, a tokenizer, a description: each library has errors of its own
        raise DamagedReleaseError(f"the query encoders of {folder.name} cannot be loaded: {error}. Publish the release again.") from error
