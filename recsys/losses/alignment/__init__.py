"""How partners of two modalities are brought together. One loss per file, all called alike."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from recsys.losses.alignment.contrastive import contrastive
from recsys.losses.alignment.cosine import cosine
from recsys.losses.alignment.determinantal import determinantal
from recsys.losses.alignment.joint_embedding_mse import joint_embedding_mse
from recsys.losses.alignment.matching import Matching
from recsys.losses.alignment.similarity_kl import similarity_kl
from recsys.losses.alignment.triplet import triplet


@runtime_checkable
class AlignmentLoss(Protocol):
    """What all have in common; each says which arguments it does not use."""

    def __call__(
        self,
        left: Float[Tensor, "batch dim"],
        right: Float[Tensor, "batch dim"],
        group: Int[Tensor, " batch"],
        *,
        temperature: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        """Cost of a batch of pairs; rows of one group are not negatives of each other."""


def _as_it_is(loss: AlignmentLoss) -> Callable[[int], AlignmentLoss]:
    """How a loss without parameters is built."""
    return lambda _dim: loss


ALIGNMENT_LOSSES: Mapping[str, Callable[[int], AlignmentLoss]] = {
    "contrastive": _as_it_is(contrastive),
    "cosine": _as_it_is(cosine),
    "determinantal": _as_it_is(determinantal),
    "joint_embedding_mse": _as_it_is(joint_embedding_mse),
    "matching": Matching,
    "similarity_kl": _as_it_is(similarity_kl),
    "triplet": _as_it_is(triplet),
}
"""name -> how it is built for vectors of a length; `matching` alone comes as a module with parameters that learn along."""
