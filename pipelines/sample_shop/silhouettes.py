"""The outlines of fourteen kinds of product, as parts in a square of -1 to 1 (x to the right, y down)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Role = Literal["body", "trim", "light", "dark"]


@dataclass(frozen=True)
class Part:
    """One shape of a product, drawn over the parts before it."""

    role: Role
    """`body` takes the item's colour, pattern and finish; `trim` a darker shade of it; `light` and `dark` are the same for all."""
    points: tuple[Point, ...]
    width: float = 0.0
    """Thickness of an open line; 0 fills the closed outline."""


def silhouette(category: str) -> tuple[Part, ...]:
    """The parts of a category, back to front.

    Raises:
        KeyError: No silhouette has this name.
    """
    return SILHOUETTES[category]


def _polygon(role: Role, *points: Point) -> Part:
    return Part(role, points)


def _mirrored(role: Role, *right: Point) -> Part:
    """An outline that is the same left and right, told by its right half from top to bottom."""
    return Part(role, (*right, *((-x, y) for x, y in reversed(right))))


def _smooth(role: Role, *points: Point, steps: int = 6) -> Part:
    """A closed curve through all points (Catmull-Rom)."""
    curve: list[Point] = []
    count = len(points)
    for index in range(count):
        before, start, end, after = (points[(index + shift) % count] for shift in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            corners = (before, start, end, after)
            curve.append((_blend(weights, [p[0] for p in corners]), _blend(weights, [p[1] for p in corners])))
    return Part(role, tuple(curve))


def _blend(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / 2


def _line(role: Role, width: float, *points: Point) -> Part:
    return Part(role, points, width)


def _arc(centre: Point, radii: Point, degrees: tuple[float, float]) -> tuple[Point, ...]:
    first, last = (math.radians(angle) for angle in degrees)
    angles = (first + (last - first) * step / 24 for step in range(25))
    return tuple((centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle)) for angle in angles)


def _disc(role: Role, centre: Point, radii: Point) -> Part:
    return Part(role, _arc(centre, radii, (0, 360)))


def _bow(role: Role, width: float, centre: Point, radii: Point, degrees: tuple[float, float]) -> Part:
    return Part(role, _arc(centre, radii, degrees), width)


def _shirt() -> tuple[Part, ...]:
    half = ((0.26, -0.8), (0.52, -0.7), (0.98, -0.22), (0.72, 0.04), (0.52, -0.16), (0.54, 0.85))
    buttons = (_disc("light", (0.0, y), (0.045, 0.045)) for y in (-0.25, 0.05, 0.35, 0.65))
    collar = (_polygon("trim", (0.0, -0.48), (side * 0.28, -0.84), (side * 0.36, -0.5)) for side in (-1, 1))
    return (_mirrored("body", *half), _line("trim", 0.035, (0.0, -0.5), (0.0, 0.85)), *collar, *buttons)


def _dress() -> tuple[Part, ...]:
    neckline = ((0.0, -0.62), (0.2, -0.72), (0.22, -1.0), (0.32, -1.0), (0.38, -0.62), (0.24, -0.14), (0.52, 0.4), (0.74, 0.9), (0.4, 0.97))
    return (_mirrored("body", *neckline), _mirrored("trim", (0.26, -0.2), (0.27, -0.06)))


def _sneaker() -> tuple[Part, ...]:
    upper = ((-0.86, -0.42), (-0.6, -0.3), (-0.25, -0.5), (0.05, -0.2), (0.42, 0.0), (0.74, 0.1), (0.86, 0.36), (-0.87, 0.36))
    laces = (_line("light", 0.06, (x - 0.13, y + 0.1), (x + 0.07, y - 0.07)) for x, y in ((-0.1, -0.28), (0.06, -0.14), (0.24, -0.04)))
    sole = _smooth("light", (-0.9, 0.33), (0.0, 0.35), (0.88, 0.31), (0.88, 0.47), (0.0, 0.52), (-0.88, 0.51))
    return (_smooth("body", *upper), _polygon("trim", (-0.88, -0.3), (-0.68, -0.25), (-0.64, 0.36), (-0.89, 0.36)), *laces, sole)


def _boot() -> tuple[Part, ...]:
    leg = ((-0.6, -0.92), (0.12, -0.92), (0.1, 0.05), (0.3, 0.2), (0.68, 0.3), (0.8, 0.55), (0.8, 0.74), (-0.62, 0.74), (-0.55, 0.1))
    sole = _polygon("dark", (-0.64, 0.72), (0.82, 0.72), (0.82, 0.86), (-0.1, 0.86), (-0.14, 0.96), (-0.64, 0.96))
    return (_polygon("body", *leg), _polygon("trim", (-0.62, -0.94), (0.14, -0.94), (0.14, -0.74), (-0.62, -0.74)), sole)


def _backpack() -> tuple[Part, ...]:
    shell = ((0.0, -0.82), (0.4, -0.74), (0.58, -0.35), (0.62, 0.3), (0.56, 0.82), (0.0, 0.88))
    sides = (_smooth("trim", (s * 0.55, 0.0), (s * 0.82, 0.12), (s * 0.84, 0.68), (s * 0.55, 0.74)) for s in (-1, 1))
    pocket = _smooth("trim", (-0.4, 0.28), (0.4, 0.28), (0.42, 0.68), (0.0, 0.74), (-0.42, 0.68))
    zip_line = _bow("light", 0.045, (0.0, -0.12), (0.46, 0.42), (195, 345))
    handle = _bow("dark", 0.09, (0.0, -0.8), (0.17, 0.17), (180, 360))
    back = tuple((-x, y) for x, y in shell[-2:0:-1])
    return (handle, *sides, _smooth("body", *shell, *back), zip_line, pocket, _line("light", 0.045, (-0.32, 0.4), (0.32, 0.4)))


def _handbag() -> tuple[Part, ...]:
    bag = _mirrored("body", (0.62, -0.18), (0.9, 0.72), (0.8, 0.82))
    flap = _mirrored("trim", (0.62, -0.2), (0.68, 0.05), (0.0, 0.2))
    return (_bow("dark", 0.11, (0.0, -0.18), (0.46, 0.7), (180, 360)), bag, flap, _disc("light", (0.0, 0.18), (0.1, 0.1)))


def _mug() -> tuple[Part, ...]:
    handle = _bow("trim", 0.15, (0.42, 0.05), (0.42, 0.38), (-90, 90))
    cup = _polygon("body", (-0.68, -0.62), (0.5, -0.62), (0.48, 0.66), *_arc((-0.09, 0.66), (0.55, 0.14), (0, 180)), (-0.66, 0.66))
    return (handle, cup, _disc("light", (-0.09, -0.62), (0.59, 0.15)), _disc("dark", (-0.09, -0.6), (0.5, 0.1)))


def _teapot() -> tuple[Part, ...]:
    spout = _polygon("trim", (0.45, 0.35), (0.72, -0.02), (0.78, -0.32), (1.0, -0.34), (0.9, 0.1), (0.55, 0.62))
    handle = _bow("trim", 0.12, (-0.6, 0.12), (0.36, 0.38), (80, 280))
    lid = _polygon("trim", *_arc((0.0, -0.36), (0.36, 0.2), (180, 360)))
    knob = _disc("dark", (0.0, -0.63), (0.1, 0.1))
    return (
        spout,
        handle,
        _disc("body", (0.0, 0.18), (0.68, 0.58)),
        lid,
        knob,
        _polygon("dark", (-0.3, 0.72), (0.3, 0.72), (0.36, 0.82), (-0.36, 0.82)),
    )


def _lamp() -> tuple[Part, ...]:
    shade = _mirrored("body", (0.36, -0.95), (0.76, 0.06))
    foot = _polygon("dark", *_arc((0.0, 0.92), (0.42, 0.16), (180, 360)))
    return (_line("dark", 0.09, (0.0, 0.0), (0.0, 0.85)), foot, shade, _line("trim", 0.06, (-0.76, 0.06), (0.76, 0.06)))


def _chair() -> tuple[Part, ...]:
    legs = (_line("dark", 0.09, start, end) for start, end in (((-0.5, 0.3), (-0.58, 0.98)), ((0.5, 0.3), (0.58, 0.98))))
    hind = (_line("dark", 0.07, start, end) for start, end in (((-0.32, 0.2), (-0.36, 0.76)), ((0.32, 0.2), (0.36, 0.76))))
    back = _smooth("body", (-0.46, -0.9), (0.0, -0.98), (0.46, -0.9), (0.5, -0.4), (0.42, 0.08), (-0.42, 0.08), (-0.5, -0.4))
    seat = _polygon("body", (-0.44, 0.1), (0.44, 0.1), (0.64, 0.4), (-0.64, 0.4))
    return (*hind, *legs, back, seat, _line("trim", 0.09, (-0.64, 0.42), (0.64, 0.42)))


def _guitar() -> tuple[Part, ...]:
    half = ((0.2, -0.2), (0.42, -0.02), (0.34, 0.26), (0.58, 0.62), (0.32, 0.96))
    body = _smooth("body", *half, *((-x, y) for x, y in reversed(half)))
    neck = _polygon("dark", (-0.075, -0.8), (0.075, -0.8), (0.09, 0.2), (-0.09, 0.2))
    head = _polygon("trim", (-0.15, -1.0), (0.15, -1.0), (0.1, -0.74), (-0.1, -0.74))
    strings = (_line("light", 0.018, (x, -0.95), (x, 0.68)) for x in (-0.04, 0.04))
    return (body, _disc("dark", (0.0, 0.26), (0.19, 0.19)), neck, head, _line("dark", 0.09, (-0.2, 0.68), (0.2, 0.68)), *strings)


def _umbrella() -> tuple[Part, ...]:
    scallops = tuple(point for k in (3, 1, -1, -3) for point in _arc((k * 0.24, 0.0), (0.24, 0.13), (0, -180)))
    canopy = _polygon("body", *_arc((0.0, 0.0), (0.96, 0.84), (180, 360)), *scallops)
    shaft = _line("dark", 0.07, (0.0, -0.98), (0.0, 0.72))
    ribs = (_line("trim", 0.03, (0.0, -0.84), (x / 2, -0.6), (x, -0.1)) for x in (-0.48, 0.48))
    return (shaft, _bow("dark", 0.09, (0.15, 0.72), (0.15, 0.2), (180, 0)), canopy, *ribs)


def _watch() -> tuple[Part, ...]:
    strap = _mirrored("body", (0.27, -1.0), (0.38, -0.4), (0.38, 0.4), (0.27, 1.0))
    crown = _line("dark", 0.13, (0.5, 0.0), (0.66, 0.0))
    hands = (_line("dark", 0.055, (0.0, 0.0), (0.0, -0.3)), _line("dark", 0.055, (0.0, 0.0), (0.2, 0.12)))
    marks = (_disc("dark", (0.34 * math.cos(a), 0.34 * math.sin(a)), (0.03, 0.03)) for a in (k * math.pi / 6 for k in range(12)))
    return (strap, crown, _disc("trim", (0.0, 0.0), (0.54, 0.54)), _disc("light", (0.0, 0.0), (0.42, 0.42)), *marks, *hands)


def _cap() -> tuple[Part, ...]:
    dome = _polygon("body", *_arc((-0.2, 0.3), (0.7, 0.86), (180, 360)), (0.5, 0.36), (-0.9, 0.36))
    peak = _smooth("trim", (0.0, 0.26), (0.5, 0.18), (0.98, 0.42), (0.92, 0.52), (0.4, 0.42), (-0.1, 0.42))
    seam = _bow("trim", 0.03, (-0.2, 0.3), (0.24, 0.84), (180, 360))
    return (dome, seam, peak, _disc("trim", (-0.2, -0.57), (0.09, 0.06)))


_BUILDERS: Mapping[str, Callable[[], tuple[Part, ...]]] = {
    "shirt": _shirt,
    "dress": _dress,
    "sneaker": _sneaker,
    "boot": _boot,
    "backpack": _backpack,
    "handbag": _handbag,
    "mug": _mug,
    "teapot": _teapot,
    "lamp": _lamp,
    "chair": _chair,
    "guitar": _guitar,
    "umbrella": _umbrella,
    "watch": _watch,
    "cap": _cap,
}
SILHOUETTES: Mapping[str, tuple[Part, ...]] = {name: build() for name, build in _BUILDERS.items()}
