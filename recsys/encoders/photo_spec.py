"""What an image encoder must say of itself beside its weights."""

from typing import Any, ClassVar, Protocol

from jaxtyping import UInt8
from torch import Tensor, nn

from recsys.encoders.photo_preparation import PhotoPreparation


class PhotoSpec(Protocol):
    """How photos become what a model reads, and what it makes of them a vector: a dataclass whose fields are part of the version."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def preparation(self) -> PhotoPreparation:
        """The same for a process without torch: pixels may differ by a rounding."""

    def prepare(self, content: bytes) -> UInt8[Tensor, "3 height width"]:
        """The pixels of a photo's file.

        Raises:
            UnreadablePhotoError: The bytes hold no photo.
        """

    def tower(self, model: nn.Module) -> nn.Module:
        """From pixels, normalised, to unit vectors."""
