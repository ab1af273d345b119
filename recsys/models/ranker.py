"""A trained ranker: on disk, as a graph for a process without torch, and as probabilities of arrays."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recsys.models.export import ParityError
from recsys.models.mmoe import Mmoe
from recsys.onnx_graph import write_graph

WEIGHTS = "model.safetensors"
DESCRIPTION = "ranker.json"
GRAPH = "ranker.onnx"
RANKING = "ranking.json"
RELEASED = "released"
"""Folder inside the table `ranker` with the ranking items as of the night's date."""
TOLERANCE = 1e-5
"""Largest difference of a probability between graph and model that is accepted."""


@dataclass(frozen=True, kw_only=True)
class RankerShape:
    """All that a model is built from."""

    feature_names: tuple[str, ...]
    tasks: tuple[str, ...]
    num_experts: int
    expert_dims: tuple[int, ...]
    tower_dims: tuple[int, ...]
    dropout: float = 0.0

    def build(self) -> Mmoe:
        """A model with fresh weights."""
        return Mmoe(
            num_features=len(self.feature_names),
            num_tasks=len(self.tasks),
            num_experts=self.num_experts,
            expert_dims=self.expert_dims,
            tower_dims=self.tower_dims,
            dropout=self.dropout,
        )


@dataclass(frozen=True, kw_only=True)
class SavedRanker:
    """A model and how its answers become an order."""

    model: Mmoe
    shape: RankerShape
    task_weights: tuple[float, ...]
    blend: float
    """Share of the retriever's opinion in the final score; see `recsys.data.final_scores`."""
    history_length: int
    """Newest distinct items of a user that the features read."""
    training: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(rows, tasks) of features (rows, features)."""
        with torch.inference_mode():
            values: npt.NDArray[np.float32] = self.model.probabilities(torch.from_numpy(features)).numpy()
        return values


def save_ranker(folder: Path, saved: SavedRanker) -> None:
    """Write model.safetensors and ranker.json."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in saved.model.state_dict().items()}, folder / WEIGHTS)
    told = {"shape": asdict(saved.shape), "training": saved.training, **_order(saved)}
    (folder / DESCRIPTION).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_ranker(folder: Path) -> SavedRanker:
    """Read what `save_ranker` wrote; the model comes back ready for inference."""
    told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told["shape"].items()}
    shape = RankerShape(**values)
    model = shape.build()
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.eval().requires_grad_(False)
    return SavedRanker(
        model=model,
        shape=shape,
        task_weights=tuple(told["task_weights"]),
        blend=told["blend"],
        history_length=told["history_length"],
        training=told["training"],
    )


def publish_ranker(folder: Path, release: Path) -> float:
    """Bring the table `ranker` into a release: ranker.onnx, ranking.json and the ranking items.

    Returns:
        The largest difference of a probability between graph and model.

    Raises:
        ParityError: It is above TOLERANCE.
    """
    saved = load_ranker(folder)
    difference = export_ranker(saved, release / GRAPH)
    told = {"feature_names": list(saved.shape.feature_names), "tasks": list(saved.shape.tasks), **_order(saved)}
    (release / RANKING).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for path in sorted((folder / RELEASED).iterdir()):
        shutil.copyfile(path, release / path.name)
    return difference


def export_ranker(saved: SavedRanker, path: Path) -> float:
    """Write the graph: `features` (candidates, features) to `probabilities` (candidates, tasks); see `publish_ranker`."""
    graph = _Graph(saved.model).eval()
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(7, len(saved.shape.feature_names), generator=random) * saved.model.spread + saved.model.mean
    any_number = ({0: torch.export.Dim.DYNAMIC},)
    write_graph(graph, (rows,), path, names=("features",), output="probabilities", shapes=any_number)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        difference = max(
            float(np.abs(session.run(None, {"features": some.numpy()})[0] - graph(some).numpy()).max()) for some in (rows, rows[:1])
        )
    if not difference <= TOLERANCE:
        raise ParityError(
            f"{path.name} differs from its model by {difference:.2e}; at most {TOLERANCE:.0e} is allowed. Do not serve it; report it."
        )
    return difference


def _order(saved: SavedRanker) -> dict[str, Any]:
    return {"task_weights": list(saved.task_weights), "blend": saved.blend, "history_length": saved.history_length}


class _Graph(nn.Module):
    def __init__(self, model: Mmoe) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Float[Tensor, "candidates features"]) -> Float[Tensor, "candidates tasks"]:
        return self.model.probabilities(features)
