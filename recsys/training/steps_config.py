"""Settings of how weights move: the part of `[retriever]` about steps."""

from dataclasses import dataclass
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat

from recsys.bounds import ShareBelowOne

Precision = Literal["fp32", "bf16", "fp16", "auto"]


@dataclass(frozen=True, kw_only=True)
class StepsConfig:
    """How weights move."""

    learning_rate: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.05
    ema_decay: ShareBelowOne = 0.995
    """The released weights are this moving average."""
    warmup_steps: NonNegativeInt = 100
    schedule: Literal["constant", "cosine"] = "constant"
    """The learning rate after the warm-up: the same to the end, or down to 0 over `epochs` along half a cosine, wherever validation stops.
    The rows of a long id table slow down by themselves."""
    gradient_clip: PositiveFloat = 1.0
    accumulate: int = 1
    """Batches whose gradients make one step, as if they were one batch; each has negatives of its own, and changes the rows of a long id
    table at once."""
    adversarial: float = 0.0
    """How far items are moved in their worst direction for a second loss, as a share of each vector's length; 0: there is none. Costs
    two more passes over the candidates a step."""
    adversarial_weight: float = 1.0
    """Of that loss beside the first."""
    precision: Precision = "fp32"
    """Number format of the towers in training; the softmax stays in fp32. `auto`: bf16 where the device computes in it.

    `fp16` is for cards without bf16: it has more digits and no room for small gradients, so the loss is scaled up before its gradients are
    taken and a step whose gradients overflow is skipped and counted.
    """

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise ValueError(f"accumulate is {self.accumulate}; it is at least 1, a step per batch")
        if not self.adversarial_weight > 0:
            raise ValueError(f"adversarial_weight is {self.adversarial_weight}; it is above 0, and adversarial = 0 leaves the loss out")
        if not self.adversarial >= 0:
            raise ValueError(f"adversarial is {self.adversarial}; it is at least 0, which is none")
