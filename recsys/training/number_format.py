"""In which numbers the towers compute while they learn."""

import torch

from recsys.encoders.precision import resolve_precision
from recsys.training.steps_config import Precision


def number_format(precision: Precision, device: torch.device) -> torch.autocast:
    """A context in which matrices are multiplied in that format; weights and what has to be exact stay in fp32."""
    dtype = torch.float16 if precision == "fp16" else resolve_precision(precision, device)
    return torch.autocast(device.type, dtype=torch.bfloat16 if dtype == torch.float32 else dtype, enabled=dtype != torch.float32)
