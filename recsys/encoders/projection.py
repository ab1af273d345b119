"""What may stand between the pooling of an encoder and its vectors: the model's own dense layers, and a projection to fewer numbers."""

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.encoders.protocol import EncoderError

MODULES = "modules.json"
"""Where sentence-transformers lists what a model is made of."""
ACTIVATIONS = {"Identity": nn.Identity, "Tanh": nn.Tanh, "ReLU": nn.ReLU, "GELU": nn.GELU}


class RandomProjection(nn.Module):
    """Shorter vectors by one fixed Gaussian matrix; cosines stay within about 1 / sqrt(to) (Johnson and Lindenstrauss, 1984).

    Args:
        dim: Numbers of a vector.
        to: Numbers that shall be left.

    Raises:
        EncoderError: There are fewer than that.
    """

    matrix: Tensor

    def __init__(self, dim: int, to: int) -> None:
        super().__init__()
        if not 0 < to < dim:
            raise EncoderError(
                f"vectors of {dim} numbers cannot be projected to {to}. Lower [embed] image_dim or text_dim, or leave it out."
            )
        self.register_buffer("matrix", torch.randn(dim, to, generator=torch.Generator().manual_seed(0)))

    def forward(self, vectors: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch to"]:
        """Unit vectors, float32, in whatever the tower before it computes."""
        with torch.autocast(vectors.device.type, enabled=False):
            return F.normalize(vectors.float() @ self.matrix, dim=-1)


class Projected(nn.Module):
    """A tower, and the projection of what it gives; takes what the tower takes.

    Args:
        tower: To unit vectors.
        projection: Of these.
    """

    def __init__(self, tower: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.tower, self.projection = tower, projection

    @property
    def model(self) -> Any:
        """What the tower wraps."""
        return self.tower.model

    def forward(self, contents: Tensor, mask: Tensor | None = None) -> Float[Tensor, "batch to"]:
        """Unit vectors, float32, of photos, or of texts with their mask."""
        vectors: Tensor = self.projection(self.tower(contents) if mask is None else self.tower(contents, mask))
        return vectors


def load_dense(source: str, *, dim: int) -> nn.Sequential:
    """The dense layers that a folder of sentence-transformers puts behind the pooling, with their weights, in float32; mostly none.

    Args:
        source: Name or folder of the model.
        dim: Numbers that the pooling gives.

    Raises:
        EncoderError: One cannot be read, does not fit what comes before it, or has an activation that is not known here.
    """
    layers = [_dense(Path(source) / path) for path in dense_folders(source)]
    for linear, _ in layers:
        if linear.in_features != dim:
            raise EncoderError(f"a dense layer of {source} reads {linear.in_features} numbers, and {dim} come before it.")
        dim = linear.out_features
    return nn.Sequential(*(nn.Sequential(*layer) for layer in layers)).requires_grad_(False)


def copy_dense(source: str, folder: Path) -> None:
    """Put the dense layers of one folder, where it has any, into another that holds the same model."""
    paths = dense_folders(source)
    for path in paths:
        shutil.copytree(Path(source) / path, folder / path)
    if paths:
        shutil.copyfile(Path(source) / MODULES, folder / MODULES)


def dense_folders(source: str) -> list[str]:
    """Where in a model's folder its dense layers lie.

    Raises:
        EncoderError: The list of what the model is made of cannot be read.
    """
    listed = Path(source) / MODULES
    try:
        parts = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
        return [part["path"] for part in parts if part["type"].endswith(".Dense")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{listed} is no list of modules with type and path: {error!r}.") from error


def _dense(folder: Path) -> tuple[nn.Linear, nn.Module]:
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        linear = nn.Linear(told["in_features"], told["out_features"], bias=told.get("bias", True))
        linear.load_state_dict({key.removeprefix("linear."): weight.float() for key, weight in weights.items()})
        name = told.get("activation_function", "Tanh").rpartition(".")[2]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, safetensors.SafetensorError) as error:
        raise EncoderError(
            f"the dense layer {folder} cannot be read: {error!r}. It needs config.json and, of the same sizes, model.safetensors."
        ) from error
    if name not in ACTIVATIONS:
        raise EncoderError(f"the dense layer {folder} has the activation {name}; known are {', '.join(ACTIVATIONS)}.")
    return linear, ACTIVATIONS[name]()
