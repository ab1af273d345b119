"""Where encoders run and in which number format."""

import torch
from torch import Tensor

from recsys.encoders.protocol import EncoderError


def best_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def brought(values: Tensor, device: torch.device) -> Tensor:
    """Values on a device; to a GPU from pinned memory, so that nobody waits for the copy."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of a forward pass.

    Args:
        name: `auto` takes bf16 where the device computes in it, fp32 elsewhere; `bf16` and `fp32` insist.
        device: Where the pass runs.

    Raises:
        EncoderError: Another name.
    """
    if name not in ("auto", "bf16", "fp32"):
        raise EncoderError(f"precision {name!r} is unknown; allowed are auto, bf16, fp32. Change [embed] precision.")
    if name == "auto":
        return torch.bfloat16 if _computes_in_bf16(device) else torch.float32
    return torch.bfloat16 if name == "bf16" else torch.float32


def _computes_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
