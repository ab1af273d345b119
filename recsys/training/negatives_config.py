"""Settings of what targets must win against: the part of `[retriever]` about negatives."""

from dataclasses import dataclass
from typing import Literal

from pydantic import NonNegativeInt


@dataclass(frozen=True, kw_only=True)
class NegativesConfig:
    """Where negatives come from."""

    full_softmax_items: NonNegativeInt = 20_000
    """Up to this many items every item is a negative; above, in-batch and uniform negatives with logQ correction. A step's time grows with
    the items: with 100,000 of them a core learned from 86 events a second, drawn negatives let it learn from 7,500."""
    uniform_negatives: int = 1024
    """Drawn per step; like all settings below but `mask_own_choices`, only where the catalogue is longer than `full_softmax_items`."""
    positive_correction: Literal["left_out", "yi"] = "left_out"
    """Of the sampled softmax: whether the logit of the target itself is left uncorrected, as it stands among its candidates with certainty,
    or corrected like all others (Yi et al., 2019)."""
    mask_own_choices: bool = True
    """Whether what a user chose elsewhere in the same piece of history is no negative of a target of the same user."""
    memory_items: int = 0
    """Candidates of the newest earlier steps, at most, that stay candidates with the vectors they had then; 4 bytes a dimension each. On
    ml-latest-small it gained nothing; see docs/experiments.md."""
    hard_negatives: int = 0
    """Drawn per history and step, from the second epoch on, of the items nearest to it in an index of the last epoch's vectors."""
    passed_over_negatives: int = 0
    """Drawn per history and step of what its user was shown and did nothing with."""

    def __post_init__(self) -> None:
        for name in ("uniform_negatives", "memory_items", "hard_negatives", "passed_over_negatives"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 0, which is none")
        if 0 < self.memory_items <= self.uniform_negatives:
            raise ValueError(
                f"memory_items is {self.memory_items}: it holds whole steps, each of more than {self.uniform_negatives} candidates "
                "(uniform_negatives and the items of the batch); give it room for some, or 0"
            )
