"""Make torchvision importable beside a torch build that it was not linked against.

The torchvision wheel of the registry is linked to the CUDA torch. Beside the CPU torch its compiled half does not load, and its import
fails with "operator torchvision::nms does not exist", because it registers shape functions for operators nobody has declared; timm and the
image parts of transformers import it and fail too. Declaring the two operators is enough: nothing here detects boxes.
Whoever imports timm or transformers here calls this first; where a real build is installed it does nothing.
"""

import importlib.util
from pathlib import Path

import torch

BOX_OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def declare_torchvision_operators() -> bool:
    """Declare the box operators where no compiled torchvision provides them.

    Returns:
        Whether they had to be declared; then `torchvision.ops.nms` and `torchvision.io` stay unavailable.
    """
    if importlib.util.find_spec("torchvision") is None or _compiled_half_loads():
        return False
    for name in BOX_OPERATORS:
        if not _exists(name):
            torch.library.define(f"torchvision::{name}", SIGNATURE)
    return True


def _compiled_half_loads() -> bool:
    if _exists("nms"):
        return True
    spec = importlib.util.find_spec("torchvision")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in sorted(Path(folder).glob("_C*.so")):
            try:
                torch.ops.load_library(str(library))
            except OSError:
                return False
    return _exists("nms")


def _exists(name: str) -> bool:
    return any(entry.name == f"torchvision::{name}" for entry in torch._C._jit_get_all_schemas())
