"""Photos of the sample shop: one product on a soft ground, drawn from its category, colour, pattern and material."""

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pipelines.sample_shop.silhouettes import SILHOUETTES, Part, Point, silhouette
from pipelines.sample_shop.surfaces import FINISH, PATTERN_COVER, Grid, surface, trim_tone

CATEGORIES: tuple[str, ...] = tuple(SILHOUETTES)
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (206, 44, 48),
    "orange": (240, 128, 36),
    "yellow": (246, 204, 52),
    "green": (66, 152, 70),
    "teal": (24, 150, 152),
    "blue": (46, 98, 204),
    "purple": (124, 72, 178),
    "pink": (244, 132, 174),
    "brown": (124, 78, 48),
    "black": (46, 46, 54),
}
PATTERNS: tuple[str, ...] = tuple(PATTERN_COVER)
MATERIALS: tuple[str, ...] = tuple(FINISH)

_GROUNDS = ((247, 244, 238), (240, 241, 243), (238, 243, 247), (248, 240, 238), (240, 246, 239), (245, 241, 248), (250, 246, 232))
_LIGHT = (246, 243, 236)
_DARK = (74, 64, 62)
_SUPERSAMPLING = 2
_REACH = 0.41  # of the photo's side, from the middle to the edge of a silhouette at scale 1
_JPEG_QUALITY = 88


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where and how a silhouette stands in its photo."""

    centre: Point = (0.5, 0.5)
    """As shares of the photo's side."""
    scale: float = 1.0
    degrees: float = 0.0
    """Turn, clockwise."""
    mirrored: bool = False

    @classmethod
    def sample(cls, random: np.random.Generator) -> "Placement":
        """A natural stand: nearly in the middle, 0.8 to 1.05 large, up to 12 degrees turned, as often mirrored as not."""
        x, y = random.uniform(-0.02, 0.02, size=2)
        scale, degrees = random.uniform(0.8, 1.05), random.uniform(-12, 12)
        return cls(centre=(0.5 + float(x), 0.49 + float(y)), scale=scale, degrees=degrees, mirrored=bool(random.random() < 0.5))

    def in_photo(self, points: Iterable[Point], *, size: int) -> list[Point]:
        """Points of a silhouette in pixels of a photo `size` wide and high."""
        reach = _REACH * self.scale * size
        cos, sin = math.cos(math.radians(self.degrees)) * reach, math.sin(math.radians(self.degrees)) * reach
        flip = -1 if self.mirrored else 1
        left, top = self.centre[0] * size, self.centre[1] * size
        return [(left + cos * flip * x - sin * y, top + sin * flip * x + cos * y) for x, y in points]

    def on_product(self, *, size: int) -> tuple[Grid, Grid]:
        """For each pixel its place (across, down) on the silhouette, each (size, size)."""
        reach = _REACH * self.scale * size
        cos, sin = math.cos(math.radians(self.degrees)) / reach, math.sin(math.radians(self.degrees)) / reach
        axis = np.arange(size, dtype=np.float32) + 0.5
        x, y = (axis - self.centre[0] * size)[None, :], (axis - self.centre[1] * size)[:, None]
        flip = -1 if self.mirrored else 1
        return (flip * (cos * x + sin * y)).astype(np.float32), (cos * y - sin * x).astype(np.float32)


def draw_product(*, category: str, colour: str, pattern: str, material: str, random: np.random.Generator, size: int = 112) -> Image.Image:
    """One photo; the same arguments and state of `random` give the same pixels.

    Args:
        category: One of `CATEGORIES`: the silhouette.
        colour: One of `COLOURS`, up to a small jitter.
        pattern: One of `PATTERNS`, in a second tone of the colour.
        material: One of `MATERIALS`: the finish.
        random: Draws the placement first, then ground, jitter and the pattern's phase and scale.
        size: Width and height in pixels.

    Returns:
        An RGB image, `size` wide and high.

    Raises:
        ValueError: A name is none of those allowed.
    """
    for kind, name, allowed in (
        ("category", category, CATEGORIES),
        ("colour", colour, tuple(COLOURS)),
        ("pattern", pattern, PATTERNS),
        ("material", material, MATERIALS),
    ):
        if name not in allowed:
            raise ValueError(f"{kind} {name!r} cannot be drawn; choose one of {', '.join(allowed)}.")
    fine = size * _SUPERSAMPLING
    placement = Placement.sample(random)
    canvas = Image.fromarray(_ground(category, placement, random=random, size=fine))
    red, green, blue = np.clip(np.asarray(COLOURS[colour]) + random.uniform(-8, 8) + random.uniform(-4, 4, size=3), 0, 255)
    jittered = (float(red), float(green), float(blue))
    cloth = Image.fromarray(_cloth(placement, colour=jittered, pattern=pattern, material=material, random=random, size=fine))
    trim = trim_tone(jittered)
    for part in silhouette(category):
        if part.role == "body":
            canvas.paste(cloth, mask=_mask((part,), placement, size=fine))
            _draw(ImageDraw.Draw(canvas), Part("trim", (*part.points, part.points[0]), 0.022), placement, fill=_whole(trim), size=fine)
        else:
            fill = {"trim": _whole(trim), "light": _LIGHT, "dark": _DARK}[part.role]
            _draw(ImageDraw.Draw(canvas), part, placement, fill=fill, size=fine)
    return canvas.reduce(_SUPERSAMPLING)


def encode_jpeg(image: Image.Image) -> bytes:
    """A JPEG of a few kB; the same pixels give the same bytes with the same Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def silhouette_mask(category: str, placement: Placement, *, size: int, body_only: bool = False) -> npt.NDArray[np.bool_]:
    """Where the product lies in a photo, (size, size).

    Args:
        category: One of `CATEGORIES`.
        placement: As drawn by `Placement.sample`.
        size: Width and height in pixels.
        body_only: Only where the item's colour shows: no trim, handle, sole or dial.
    """
    visible = Image.new("L", (size, size), 0)
    for part in silhouette(category):
        visible.paste(0 if body_only and part.role != "body" else 255, mask=_mask((part,), placement, size=size))
    return np.asarray(visible) > 0


def _ground(category: str, placement: Placement, *, random: np.random.Generator, size: int) -> npt.NDArray[np.uint8]:
    """A soft wall that darkens a little downwards, with a shadow under the product."""
    tone = np.asarray(_GROUNDS[int(random.integers(len(_GROUNDS)))], np.float32) + np.float32(random.uniform(-4, 4))
    corners = np.asarray(placement.in_photo((point for part in silhouette(category) for point in part.points), size=1))
    (left, _), (right, floor) = corners.min(axis=0), corners.max(axis=0)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    x = (axis - np.float32((left + right) / 2)) / np.float32((right - left) / 2)
    y = (axis - np.float32(floor - 0.01)) / np.float32(0.04)
    shadow = 0.24 * np.exp(-(y[:, None] ** 2)) * np.exp(-(x[None, :] ** 4))
    light = (1.01 - 0.05 * axis)[:, None] * (1 - shadow)
    return np.clip(light[..., None] * tone, 0, 255).astype(np.uint8)


def _cloth(
    placement: Placement, *, colour: tuple[float, float, float], pattern: str, material: str, random: np.random.Generator, size: int
) -> npt.NDArray[np.uint8]:
    u, v = placement.on_product(size=size)
    return surface(colour=colour, pattern=pattern, material=material, u=u, v=v, repeat=random.uniform(0.85, 1.15), phase=random.random(2))


def _mask(parts: Iterable[Part], placement: Placement, *, size: int) -> Image.Image:
    mask = Image.new("L", (size, size), 0)
    for part in parts:
        _draw(ImageDraw.Draw(mask), part, placement, fill=255, size=size)
    return mask


def _draw(draw: ImageDraw.ImageDraw, part: Part, placement: Placement, *, fill: int | tuple[int, int, int], size: int) -> None:
    points = placement.in_photo(part.points, size=size)
    if part.width == 0:
        draw.polygon(points, fill=fill)
    else:
        draw.line(points, fill=fill, width=max(1, round(part.width * _REACH * placement.scale * size)), joint="curve")


def _whole(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    return (round(colour[0]), round(colour[1]), round(colour[2]))
