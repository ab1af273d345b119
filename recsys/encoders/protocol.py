"""What every encoder offers, whatever it encodes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Content_contra = TypeVar("Content_contra", contravariant=True)

COMPANION_TOLERANCE = 1e-3
"""Most that a vector's cosine to itself may fall short of 1 when its batch holds other items: bf16 kernels may round by batch shape."""


DAMAGED = '; the weights may be damaged, or [embed] precision = "fp32" is needed'
"""Why an encoder gives numbers that are not finite."""


class EncoderError(Exception):
    """An encoder cannot be built or gave vectors that cannot be used."""


class Encoder(Protocol[Content_contra]):
    """Turns contents into unit vectors.

    The vector of a content depends on it and on `version` alone; its batch companions, and a tower that is
    compiled, may move it within COMPANION_TOLERANCE.
    """

    @property
    def version(self) -> str:
        """Digest of architecture, weights, preprocessing, pooling and precision; vectors of two versions are never compared."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def in_fp32(self) -> Self:
        """The same weights computed in fp32; itself where it does already."""

    def encode(self, contents: Sequence[Content_contra]) -> npt.NDArray[np.float32]:
        """(contents, dim) unit vectors in the order given; broken weights or formats may spoil some: see `why_unusable`."""


def version_digest(facts: Mapping[str, Any], model: nn.Module) -> str:
    """Sixteen hex digits over what an encoder is: its facts, and the names, types and bytes of its weights."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b"")
    return digest.hexdigest()[:16]


def why_unusable(vectors: npt.NDArray[np.float32], *, cause: str = DAMAGED) -> dict[int, str]:
    """Row -> why nothing can be compared with this vector; sound rows are left out.

    Args:
        vectors: (rows, dim)
        cause: What to add where a vector is not finite.
    """
    reasons = dict.fromkeys(np.flatnonzero(~vectors.any(axis=1)).tolist(), "vector: its length is zero")
    with np.errstate(over="ignore"):  # numbers whose squares are beyond float32 are of no more use than infinite ones
        broken = np.flatnonzero(~np.isfinite(np.square(vectors).sum(axis=1))).tolist()
    return reasons | dict.fromkeys(broken, f"vector: not finite{cause}")


def check_vectors(vectors: npt.NDArray[np.float32], *, what: str) -> npt.NDArray[np.float32]:
    """The same vectors, or an error that says how many are not finite.

    Raises:
        EncoderError: NaN or infinity somewhere.
    """
    broken = ~np.isfinite(vectors).all(axis=1)
    if broken.any():
        raise EncoderError(
            f"{broken.sum()} of {len(vectors)} {what} vectors are not finite. The weights may be damaged or the precision too low; "
            'set [embed] precision = "fp32" and try again.'
        )
    return vectors
