"""What covers a product: a pattern in two tones of its colour, under a finish that tells the material."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.floating[Any]]

BLACK = (20.0, 18.0, 24.0)
WHITE = (255.0, 253.0, 248.0)
_UMBER = (118.0, 62.0, 14.0)


def mixed(colour: tuple[float, float, float], other: tuple[float, float, float], share: float) -> tuple[float, float, float]:
    """A colour with `share` (0 to 1) of another in it, channel by channel."""
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(colour, other, strict=True))
    return (red, green, blue)


def luminance(colour: tuple[float, float, float]) -> float:
    """How bright a colour looks, 0 to 255 (ITU-R BT.601)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def second_tone(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """The tone of the pattern: far lighter than the colour, or darker where the colour is itself light."""
    if luminance(colour) > 182:  # of the shop's colours only yellow
        return mixed(colour, _UMBER, 0.72)
    return mixed(colour, WHITE, 0.72)


def trim_tone(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """The tone of collars, handles and outlines: darker than the colour, or lighter where it is nearly black."""
    if luminance(colour) < 60:
        return mixed(colour, WHITE, 0.3)
    return mixed(colour, _UMBER if luminance(colour) > 182 else BLACK, 0.34)


def surface(
    *, colour: tuple[float, float, float], pattern: str, material: str, u: Grid, v: Grid, repeat: float, phase: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """The covered cloth, (height, width, 3) from 0 to 255.

    Args:
        colour: Ground of the pattern, red green blue from 0 to 255.
        pattern: A key of `PATTERN_COVER`.
        material: A key of `FINISH`.
        u: (height, width), across the product, -1 to 1 over its silhouette.
        v: (height, width), down the product.
        repeat: How large the pattern is, 1 as designed.
        phase: (2,), how far the pattern is moved across and down.
    """
    shift = phase.astype(np.float32)
    cover = PATTERN_COVER[pattern](u / np.float32(repeat) + shift[0], v / np.float32(repeat) + shift[1])[..., None]
    cloth = np.asarray(colour, np.float32) * (1 - cover) + np.asarray(second_tone(colour), np.float32) * cover
    shade, shine = FINISH[material](u, v)
    lit = cloth * shade[..., None]
    return np.clip(lit + (255 - lit) * shine[..., None], 0, 255).astype(np.uint8)


def _plain(u: Grid, _v: Grid) -> Grid:
    return np.zeros_like(u)


def _stripes(_u: Grid, v: Grid) -> Grid:
    return _where(_saw(v / 0.3) < 0.45)


def _dots(u: Grid, v: Grid) -> Grid:
    across, down = _brick(u, v, 0.3)
    return _where(np.hypot(across, down) < 0.29)


def _checks(u: Grid, v: Grid) -> Grid:
    """Gingham: bands both ways, full where they cross."""
    return 0.5 * (_where(_saw(u / 0.36) < 0.5) + _where(_saw(v / 0.36) < 0.5))


def _zigzag(u: Grid, v: Grid) -> Grid:
    return _where(_saw(v / 0.34 + 0.9 * np.abs(_saw(u / 0.42) - 0.5)) < 0.45)


def _flowers(u: Grid, v: Grid) -> Grid:
    across, down = _brick(u, v, 0.46)
    radius = np.hypot(across, down)
    petals = 0.27 + 0.14 * np.cos(5 * np.arctan2(down, across))
    return _where((radius < petals) & (radius > 0.1))


def _brick(u: Grid, v: Grid, step: float) -> tuple[Grid, Grid]:
    """Place within the cell of a brickwork grid, each from -0.5 to 0.5."""
    row = np.floor(v / step)
    return _saw(u / step + 0.5 * (row % 2)) - 0.5, v / step - row - 0.5


def _saw(value: Grid) -> Grid:
    return value - np.floor(value)


def _where(condition: npt.NDArray[np.bool_]) -> Grid:
    return condition.astype(np.float32)


def _matte(u: Grid, v: Grid) -> tuple[Grid, Grid]:
    return 1.03 - 0.07 * u - 0.05 * v, np.zeros_like(u)


def _glossy(u: Grid, v: Grid) -> tuple[Grid, Grid]:
    """A bright window on the upper left, with a soft edge, over deeper shade at the lower right."""
    slanted = u * 0.85 + v * 0.5
    streak = np.exp(-(((slanted + 0.34) / 0.085) ** 4)) + 0.6 * np.exp(-(((slanted + 0.1) / 0.035) ** 4))
    return 1.0 - 0.14 * slanted, 0.68 * streak


def _woven(u: Grid, v: Grid) -> tuple[Grid, Grid]:
    """Threads over and under, about four pixels wide in a photo of 112."""
    step = 0.105
    over = (np.floor(u / step) + np.floor(v / step)) % 2
    thread = np.where(over > 0, np.sin(np.pi * _saw(u / step)), np.sin(np.pi * _saw(v / step))).astype(np.float32)
    return 0.72 + 0.22 * thread + 0.1 * over, 0.13 * over * thread  # the white share keeps threads visible on black


def _metallic(u: Grid, v: Grid) -> tuple[Grid, Grid]:
    """Wide soft bands from dark to bright, as of a rolled sheet."""
    wave = np.cos(2 * np.pi * (u * 0.8 + v * 0.18 + 0.1))
    return 0.84 + 0.3 * wave, 0.5 * np.clip(wave, 0, 1) ** 3


PATTERN_COVER: Mapping[str, Callable[[Grid, Grid], Grid]] = {
    "plain": _plain,
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "zigzag": _zigzag,
    "flowers": _flowers,
}
"""How much of the second tone lies at each place, 0 to 1."""

FINISH: Mapping[str, Callable[[Grid, Grid], tuple[Grid, Grid]]] = {
    "matte": _matte,
    "glossy": _glossy,
    "woven": _woven,
    "metallic": _metallic,
}
"""Factor on the cloth, and share of white light over it."""
