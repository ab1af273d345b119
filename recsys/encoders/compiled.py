"""A tower as one compiled program for one size of batch."""

import os
import shutil

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.encoders.protocol import EncoderError


def cpp_compiler() -> str:
    """What torch compiles for a processor with: the one that the environment names, or g++."""
    return os.environ.get("CXX", "g++")


class CompiledTower:
    """Run an image tower through torch.compile (Ansel et al., ASPLOS 2024); its first batch waits until it is compiled.

    Args:
        tower: Placed on its device, in evaluation mode.
        batch: Photos it is compiled for; fewer are filled up with empty ones, so that nothing is compiled again.
        device: Where it lies.

    Raises:
        EncoderError: This machine has nothing to compile for its processor with; from a call, torch cannot compile the tower.
    """

    def __init__(self, tower: nn.Module, *, batch: int, device: torch.device) -> None:
        if device.type == "cpu" and not shutil.which(cpp_compiler()):
            raise EncoderError(
                f"[embed] compile_images needs a C++ compiler, and there is no {cpp_compiler()} here. On Debian: apt-get install g++. Or "
                "leave the setting out."
            )
        self._run, self._batch = torch.compile(tower, dynamic=False), batch

    def __call__(self, values: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """The tower's vectors of at most `batch` photos."""
        missing = self._batch - len(values)
        filled = F.pad(values, (0, 0, 0, 0, 0, 0, 0, missing)).contiguous(memory_format=torch.channels_last) if missing else values
        try:
            vectors: Tensor = self._run(filled)
        except RuntimeError as error:
            from torch._dynamo.exc import BackendCompilerFailed  # loads for a second, which only those who compile pay

            if not isinstance(error, BackendCompilerFailed):
                raise
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EncoderError(f"[embed] compile_images: torch cannot compile the image model: {told}. Leave the setting out.") from error
        return vectors[: len(values)]
