"""A training's state on disk: replaced whole after each epoch, so that a kill loses at most one."""

from pathlib import Path
from typing import Any

import torch

CHECKPOINT = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any], *, name: str = CHECKPOINT) -> None:
    """Replace the checkpoint of a folder by atomic rename."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.partial"
    torch.save(state, partial)
    partial.replace(folder / name)


def load_checkpoint(folder: Path, *, name: str = CHECKPOINT) -> dict[str, Any] | None:
    """The last whole checkpoint of a folder, or None; its tensors stay on disk until they are copied into a model."""
    path = folder / name
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return state
