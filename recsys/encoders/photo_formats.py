"""Any photo file as RGB pixels, with numpy and Pillow alone: what the night and a process without torch both start from."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from recsys.encoders.photo_files import UnreadablePhotoError

try:
    import simplejpeg
except ImportError:  # Pillow decodes the same pixels, about three times slower
    simplejpeg = None

MAX_PIXELS = 80_000_000
"""More would take 240 MB to decode; a product photo has a tenth."""
EXIF = b"Exif\x00\x00"


def decode_photo(content: bytes, *, smallest_side: int = 0) -> npt.NDArray[np.uint8]:
    """(height, width, 3) RGB; a large JPEG may come reduced by a power of two, but not below `smallest_side` where it was above.

    EXIF rotation is applied; CMYK, palette, grey, 16-bit and alpha (over white) become 8-bit RGB; of an animation the first frame counts.

    Args:
        content: The file.
        smallest_side: Pixels that are needed; 0: all there are.

    Raises:
        UnreadablePhotoError: The bytes are no photo that can be decoded whole, or it has more than MAX_PIXELS.
    """
    if simplejpeg is not None and content[:2] == b"\xff\xd8" and EXIF not in content[:65536]:
        pixels = _decode_plain_jpeg(content, smallest_side)
        if pixels is not None:
            return pixels
    return _decode_anything(content, smallest_side)


def _decode_plain_jpeg(content: bytes, smallest_side: int) -> npt.NDArray[np.uint8] | None:
    """None where Pillow must have the last word: CMYK, damaged, not a JPEG at all."""
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(content)
        if space not in ("YCbCr", "Gray", "RGB") or height * width > MAX_PIXELS:
            return None
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(content, "RGB", min_height=smallest_side, min_width=smallest_side)
    except ValueError:
        return None
    return pixels


def _decode_anything(content: bytes, smallest_side: int) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadablePhotoError(f"too many pixels: {image.width} x {image.height}, at most {MAX_PIXELS} are decoded")
            if smallest_side:
                image.draft(None, (smallest_side, smallest_side))
            image.load()
            return np.array(_as_rgb(ImageOps.exif_transpose(image)))
    except UnreadablePhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePhotoError(f"too many pixels: at most {MAX_PIXELS} are decoded") from error
    except Exception as error:  # decoders of hostile files fail in ways that no list covers; each costs one photo, not the night
        raise UnreadablePhotoError(f"corrupt: {type(error).__name__}: no image could be decoded from these bytes") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray((values / 257).clip(0, 255).round().astype(np.uint8)).convert("RGB")  # 65535 / 257 = 255
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, coloured).convert("RGB")
    return image.convert("RGB")
