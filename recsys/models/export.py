"""Towers as ONNX graphs, for a process without torch, each held against its model before it is trusted."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.data.knowledge import MAX_ENTITIES
from recsys.data.relevance import Kind
from recsys.data.tensors import MAX_CATEGORIES, TOLD, ItemBatch
from recsys.models.ensemble import Ensemble
from recsys.onnx_graph import write_graph

TOLERANCE = 1e-4
"""Largest difference between graph and model that is accepted, relative to the largest value."""


class ParityError(Exception):
    """An exported graph does not compute what its model computes."""


class _UserGraph(nn.Module):
    def __init__(self, model: Ensemble) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        item_vectors: Float[Tensor, "batch length dim"],
        kinds: Int[Tensor, "batch length"],
        ages_days: Float[Tensor, "batch length"],
        attributes: Int[Tensor, "batch attributes"] | None = None,
    ) -> Float[Tensor, "batch dim_and_two"]:
        return self.model.user_vectors(item_vectors, kinds, ages_days, attributes)


class _ItemGraph(nn.Module):
    """The item towers for an item without a row: content alone, whitening included."""

    def __init__(self, model: Ensemble) -> None:
        super().__init__()
        self.model = model
        tower = model.members[0].item_tower  # all read the same
        self.names = [name for name in tower.modalities if name not in TOLD]
        self.relations = tower.relations
        self.category_rows = tower.categories.num_embeddings

    def forward(self, categories: Int[Tensor, "batch slots"], *content: Tensor) -> Float[Tensor, "batch dim_and_two"]:
        count = len(self.names)
        vectors = dict(zip(self.names, content[:count], strict=True))
        presence: dict[str, Bool[Tensor, " batch"]] = dict(zip(self.names, content[count : 2 * count], strict=True))
        entities = dict(zip(self.relations, content[2 * count :], strict=True))
        no_row = torch.zeros_like(categories[:, 0])
        told = {"category": categories[:, 0] > 0, "knowledge": no_row == 0}  # a relation without entities is absent anyway
        return self.model.new_item_vectors(ItemBatch(no_row, no_row > 0, vectors, presence | told, categories, entities))


def export_user_tower(model: Ensemble, path: Path, *, history_length: int) -> float:
    """Write user_tower.onnx and say how far it is from the model.

    Raises:
        ParityError: It is further than TOLERANCE.
    """
    dim = model.towers.stop
    random = torch.Generator().manual_seed(0)
    length = min(5, history_length)
    kinds = torch.randint(1, len(Kind), (3, length), generator=random)
    kinds[0, 1:] = 0
    kinds[1] = 0  # nobody is too new
    inputs: tuple[Tensor, ...] = (torch.randn(3, length, dim, generator=random), kinds, torch.rand(3, length, generator=random) * 100)
    shapes: tuple[dict[int, Any], ...] = tuple({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for _ in inputs)
    names: tuple[str, ...] = ("item_vectors", "kinds", "ages_days")
    known = model.members[0].user_tower.known  # all read the same
    if known is not None:
        told = [torch.randint(0, size + 1, (3, 1), generator=random) for size in known.relations.values()]
        inputs, names = (*inputs, torch.cat(told, dim=1)), (*names, "attributes")
        shapes = (*shapes, {0: torch.export.Dim.DYNAMIC})
    return _export(_UserGraph(model), inputs, path, names=names, output="user_vector", shapes=shapes)


def export_item_tower(model: Ensemble, path: Path, *, content_dims: dict[str, int]) -> float:
    """Write item_tower.onnx and say how far it is from the model.

    Raises:
        ParityError: It is further than TOLERANCE.
    """
    graph = _ItemGraph(model)
    random = torch.Generator().manual_seed(0)
    categories = torch.randint(0, graph.category_rows, (3, MAX_CATEGORIES), generator=random)
    vectors = [torch.randn(3, content_dims[name], generator=random) for name in graph.names]
    presence = [torch.tensor([True, False, True]) for _ in graph.names]
    entities = [torch.randint(0, size + 1, (3, MAX_ENTITIES), generator=random) for size in graph.relations.values()]
    names = (
        "categories",
        *(f"{kind}.{name}" for kind in ("vector", "presence") for name in graph.names),
        *(f"entities.{relation}" for relation in graph.relations),
    )
    content = tuple({0: torch.export.Dim.DYNAMIC} for _ in names[1:])
    shapes = ({0: torch.export.Dim.DYNAMIC}, *([content] if content else []))
    return _export(graph, (categories, *vectors, *presence, *entities), path, names=names, output="item_vector", shapes=shapes)


def _export(
    graph: nn.Module, inputs: tuple[Tensor, ...], path: Path, *, names: tuple[str, ...], output: str, shapes: tuple[Any, ...]
) -> float:
    write_graph(graph.eval(), inputs, path, names=names, output=output, shapes=shapes)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run([output], {name: value.numpy() for name, value in zip(names, inputs, strict=True)})[0]
    with torch.inference_mode():
        wanted = graph(*inputs).numpy()
    difference = float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))
    if not difference <= TOLERANCE:
        raise ParityError(
            f"{path.name} differs from its model by {difference:.2e}; at most {TOLERANCE:.0e} is allowed. Do not serve it; report it."
        )
    return difference
