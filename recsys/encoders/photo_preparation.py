"""How an image model wants a photo, as data; done with numpy and Pillow alone, so a process without torch does the same."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from recsys.encoders.photo_formats import decode_photo


@dataclass(frozen=True, kw_only=True)
class PhotoPreparation:
    """Steps from a photo to the numbers that a model reads, in the order of the fields; a step that is None is left out."""

    smallest_side: int = 0
    """A large JPEG may be decoded reduced, but not below so many pixels per side; 0: it is decoded whole."""
    central_share: float | None = None
    """Take the central square whose side is this share of the shorter one."""
    shorter_side: int | None = None
    """Resize so that the shorter side has so many pixels, the longer one in proportion."""
    shape: tuple[int, int] | None = None
    """Resize to (height, width) whatever the proportions were."""
    interpolation: str = "bicubic"
    """Of the resizing, antialiased: a filter of Pillow by its name in small letters."""
    crop: tuple[int, int] | None = None
    """Take the central (height, width); black around a smaller photo."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Of values in [0, 1], per channel."""

    @property
    def final_shape(self) -> tuple[int, int]:
        """(height, width) of what the model reads.

        Raises:
            ValueError: Photos of different proportions would end in different shapes.
        """
        final = self.crop or self.shape
        if final is None:
            raise ValueError("photos are neither cropped nor resized to one shape, so no two of them fit into a batch")
        return final


def photo_pixels(content: bytes, how: PhotoPreparation) -> npt.NDArray[np.uint8]:
    """(height, width, 3) RGB of a photo's file, every step done but the last.

    Raises:
        UnreadablePhotoError: See `decode_photo`.
    """
    pixels = decode_photo(content, smallest_side=how.smallest_side)
    if how.central_share is not None:
        side = max(1, round(min(pixels.shape[:2]) * how.central_share))
        pixels = _centre(pixels, side, side)
    wanted = _resized_shape(pixels.shape[0], pixels.shape[1], how)
    if wanted != pixels.shape[:2]:
        filter_ = Image.Resampling[how.interpolation.upper()]
        pixels = np.array(Image.fromarray(pixels).resize(wanted[::-1], filter_))
    return pixels if how.crop is None else _centre(_with_border(pixels, *how.crop), *how.crop)


def photo_values(pixels: npt.NDArray[np.uint8], how: PhotoPreparation) -> npt.NDArray[np.float32]:
    """(3, height, width): pixels as the model wants them, of mean 0 and deviation 1 over the photos it was trained on."""
    values = (pixels.astype(np.float32) / 255 - np.array(how.mean, np.float32)) / np.array(how.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _resized_shape(height: int, width: int, how: PhotoPreparation) -> tuple[int, int]:
    if how.shape is not None:
        return how.shape
    if how.shorter_side is None:
        return height, width
    longer = int(how.shorter_side * max(height, width) / min(height, width))
    return (how.shorter_side, longer) if height <= width else (longer, how.shorter_side)


def _centre(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _with_border(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    lacking = max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1])
    return np.pad(pixels, [(some // 2, some - some // 2) for some in lacking] + [(0, 0)])
