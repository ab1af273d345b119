"""From the bytes of a photo to the square of pixels that a timm model reads."""

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from recsys.encoders.photo_formats import decode_photo


def prepare_photo(content: bytes, *, size: int, crop: float = 1.0) -> UInt8[Tensor, "3 size size"]:
    """The centre of a photo as RGB pixels, resized bicubically with antialiasing.

    Args:
        content: The file.
        size: Pixels per side of the result.
        crop: Share of the shorter side that the central square spans.

    Raises:
        UnreadablePhotoError: See `decode_photo`.
    """
    pixels = torch.from_numpy(decode_photo(content, smallest_side=int(size / crop))).permute(2, 0, 1)  # (3, height, width)
    height, width = pixels.shape[1:]
    side = max(1, round(min(height, width) * crop))
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[:, top : top + side, left : left + side]
    if side == size:
        return square.contiguous()
    return F.interpolate(square[None], size=(size, size), mode="bicubic", antialias=True, align_corners=False)[0]
