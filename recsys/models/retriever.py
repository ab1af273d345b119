"""A trained retriever on disk: weights, what they were built for, and the vectors of its catalogue."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file, save_file

from recsys.data.items import Items
from recsys.models.architecture import TowerShape, build_ensemble
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower_scorer import TwoTowerScorer

VECTORS = "item_vectors.npy"
DESCRIPTION = "retriever.json"
LIKENESS_FILE = "likeness.safetensors"


@dataclass(frozen=True, kw_only=True)
class SavedRetriever:
    """A trained retriever, as stages and export read it."""

    model: Ensemble
    shape: TowerShape
    item_vectors: npt.NDArray[np.float32]
    """(items, all dims); see `Ensemble`."""
    training: dict[str, Any]
    """Epochs, prior, losses: what reports tell."""

    def indexed_vectors(self) -> npt.NDArray[np.float32]:
        """(items, all dims): item vectors as an index holds them: without how long an item is when it is read, of which no user asks."""
        vectors = self.item_vectors.copy()
        vectors[:, [place.stop - 1 for place in self.model.places.values()]] = 0
        return vectors

    def scorer(self) -> TwoTowerScorer:
        """As a scorer."""
        return TwoTowerScorer(self.model, self.item_vectors, self.shape.history_length, self.shape.attributes)


def save_retriever(folder: Path, saved: SavedRetriever) -> None:
    """Write weights, vectors and description into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, member in enumerate(saved.model.members):
        save_file({name: value.contiguous() for name, value in member.state_dict().items()}, folder / weights_file(number))
    if saved.model.likeness is not None:
        save_file(saved.model.likeness.state_dict(), folder / LIKENESS_FILE)
    np.save(folder / VECTORS, saved.item_vectors)
    description = {"shape": asdict(saved.shape), "training": saved.training}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_retriever(folder: Path) -> SavedRetriever:
    """Read what `save_retriever` wrote; the model comes back ready for inference."""
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    shape = TowerShape.from_json(description["shape"])
    model = build_ensemble(shape)
    for number, member in enumerate(model.members):
        member.load_state_dict(load_file(folder / weights_file(number)))
    if model.likeness is not None:
        model.likeness.load_state_dict(load_file(folder / LIKENESS_FILE))
    model.eval().requires_grad_(False)
    return SavedRetriever(model=model, shape=shape, item_vectors=np.load(folder / VECTORS), training=description["training"])


def training_of(folder: Path) -> dict[str, Any]:
    """What the training of the retriever in a folder told of itself, without opening the model."""
    return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["training"]  # type: ignore[no-any-return]


def weights_file(number: int) -> str:
    """Where the weights of a member lie, counted from 0."""
    return f"model-{number}.safetensors" if number else "model.safetensors"


def load_scorer(folder: Path, items: Items) -> TwoTowerScorer:
    """The retriever of a folder as a scorer of these items.

    Raises:
        ValueError: It was trained on another number of items.
    """
    saved = load_retriever(folder)
    if len(saved.item_vectors) != len(items):
        raise ValueError(
            f"the retriever in {folder} knows {len(saved.item_vectors)} items, the catalogue has {len(items)}; run the night again"
        )
    return saved.scorer()
