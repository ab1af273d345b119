"""A tower as one compiled program for one size of batch."""

import shutil

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.encoders.protocol import EncoderError

CPP_COMPILERS = ("g++", "clang++", "c++")


class CompiledTower:
    """Run an image tower through torch.compile (Ansel et al., ASPLOS 2024); its first batch waits until it is compiled.

    Args:
        tower: Placed on its device, in evaluation mode.
        batch: Photos it is compiled for; fewer are filled up with empty ones, so that nothing is compiled again.
        device: Where it lies.

    Raises:
        EncoderError: This machine has nothing to compile for its processor with.
    """

    def __init__(self, tower: nn.Module, *, batch: int, device: torch.device) -> None:
        if device.type == "cpu" and not any(map(shutil.which, CPP_COMPILERS)):
            raise EncoderError(
                f"[embed] compile_images needs a C++ compiler, and none of {', '.join(CPP_COMPILERS)} is installed here. On Debian: "
                "apt-get install g++. Or leave the setting out."
            )
        self._run, self._batch = torch.compile(tower, dynamic=False), batch

    def __call__(self, values: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """The tower's vectors of at most `batch` photos."""
        missing = self._batch - len(values)
        filled = F.pad(values, (0, 0, 0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last) if missing else values
        vectors: Tensor = self._run(filled)
        return vectors[: len(values)]
