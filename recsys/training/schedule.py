"""How large a step may be, from the first to the last."""

import math

from recsys.training.steps_config import StepsConfig


def learning_rate(config: StepsConfig, *, steps: int, progress: float) -> float:
    """A linear warm-up and, if asked for, half a cosine down to 0 (Loshchilov and Hutter, ICLR 2017, without restarts).

    Args:
        config: Settings.
        steps: Done before this one.
        progress: Share of the longest training that is over; beyond 1 there is nothing left to learn.
    """
    warm = config.learning_rate * min(1.0, (steps + 1) / max(1, config.warmup_steps))
    return warm if config.schedule == "constant" else warm * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
