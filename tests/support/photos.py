"""Photos drawn on the spot, among them the broken ones that feeds deliver."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def jpeg(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (48, 64), *, seed: int | None = None) -> bytes:
    """A photo of one colour, with a little noise where a seed is given."""
    image = Image.new("RGB", size, colour)
    if seed is not None:
        noise = np.random.default_rng(seed).integers(-40, 40, (size[1], size[0], 3))
        image = Image.fromarray((np.asarray(image, np.int64) + noise).clip(0, 255).astype(np.uint8))
    return encoded(image, "JPEG", quality=95)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file an image becomes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rotated_jpeg() -> bytes:
    """Stored on its side: red left half, blue right half, and a note to turn it clockwise; upright, red is on top."""
    image = Image.new("RGB", (64, 64), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 32, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image, "JPEG", quality=95, exif=exif)


def readable_zoo() -> dict[str, bytes]:
    """Odd photos that must be encoded."""
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([255, 255, 255, 255, 0, 0])
    palette.paste(1, (10, 10, 30, 30))
    sixteen = Image.fromarray(np.full((30, 30), 65535 // 2, np.uint16))
    return {
        "cmyk.jpg": encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"),
        "palette.png": encoded(palette, "PNG", transparency=0),
        "sixteen_bit.png": encoded(sixteen, "PNG"),
        "rotated.jpg": rotated_jpeg(),
        "grey_alpha.png": encoded(Image.new("LA", (20, 20), (10, 0)), "PNG"),
        "one_pixel.png": encoded(Image.new("RGB", (1, 1), (9, 9, 9)), "PNG"),
        "wide.png": encoded(Image.new("RGB", (30_000, 20), (9, 9, 9)), "PNG"),
        "animated.gif": encoded(Image.new("P", (20, 20)), "GIF", save_all=True, append_images=[Image.new("P", (20, 20), 3)]),
        "png_named.jpg": encoded(Image.new("RGB", (20, 20)), "PNG"),
    }


def broken_zoo() -> dict[str, bytes]:
    """Files that are no photos, whatever their names say."""
    whole = jpeg(size=(200, 200), seed=1)
    return {
        "truncated.jpg": whole[: len(whole) // 2],
        "zero.jpg": b"",
        "page.jpg": b"<!doctype html><html><body>404 Not Found</body></html>",
        "header_only.jpg": whole[:20],
        "truncated.png": encoded(Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 50, 3), np.uint8)), "PNG")[:900],
    }


def bomb() -> bytes:
    """A few kilobytes that would become 600 MB of pixels."""
    return encoded(Image.new("1", (14_000, 14_000)), "PNG")


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Put files into a folder that need not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
