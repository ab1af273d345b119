"""What is on sale: planted attributes, and the catalogue that tells only what a shop would tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.checks import check
from feature_store.schema import ATTRIBUTES, CATALOGUE
from pipelines.sample_shop.drawing import CATEGORIES, COLOURS, MATERIALS, PATTERNS
from pipelines.sample_shop.words import ADJECTIVES, BRANDS, CATEGORIES_IN_CHINESE, DEPARTMENTS, MATERIAL_WORDS, THEMES

Choice = TypeVar("Choice")

LATE_SHARE = 0.95
"""Share of products that arrive while the log runs."""
SHELF_DAYS = 8.0
"""A product is on sale for up to this long before anyone is shown it."""
WITHOUT_PHOTO, WITHOUT_TEXT = 0.15, 0.10
CORRUPT_PHOTOS = 10
LEAVING_SHARE = 0.1
QUALITY_SPREAD = 0.4
"""Standard deviation of the planted quality: what makes popularity long-tailed."""


@dataclass(frozen=True, kw_only=True)
class Products:
    """Planted attributes, one entry per product; none of them is a column of the catalogue."""

    category: npt.NDArray[np.int64]
    colour: npt.NDArray[np.int64]
    pattern: npt.NDArray[np.int64]
    material: npt.NDArray[np.int64]
    theme: npt.NDArray[np.int64]
    quality: npt.NDArray[np.float64]
    price: npt.NDArray[np.float64]
    on_sale: npt.NDArray[np.float64]
    """Day from which it is on sale; below 0: from the start."""
    shown_from: npt.NDArray[np.float64]
    """Day from which anyone is shown it."""
    leaves: npt.NDArray[np.float64]
    """Day from which it is no longer on sale; inf: never."""
    has_photo: npt.NDArray[np.bool_]
    has_text: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.category)

    @property
    def item_ids(self) -> list[str]:
        """P0000, P0001, ..."""
        return [f"P{number:04d}" for number in range(len(self))]


def plan_products(random: np.random.Generator, *, num_items: int, num_days: int) -> Products:
    """Draw the attributes of every product."""
    late = random.random(num_items) < LATE_SHARE
    on_sale = np.where(late, random.uniform(0, num_days, num_items), -1.0)
    leaving = random.random(num_items) < LEAVING_SHARE
    quality = random.normal(0, QUALITY_SPREAD, num_items) + random.exponential(0.3, num_items)
    return Products(
        category=random.integers(0, len(CATEGORIES), num_items),
        colour=random.integers(0, len(COLOURS), num_items),
        pattern=random.integers(0, len(PATTERNS), num_items),
        material=random.integers(0, len(MATERIALS), num_items),
        theme=random.integers(0, len(THEMES), num_items),
        quality=quality,
        price=np.exp(random.normal(3.4, 0.6, num_items)).round(2).astype(np.float64),
        on_sale=on_sale,
        shown_from=np.where(late, on_sale + random.uniform(0, SHELF_DAYS, num_items), -1.0),
        leaves=np.where(leaving, np.maximum(on_sale, 0) + random.uniform(10, num_days, num_items), np.inf),
        has_photo=random.random(num_items) >= WITHOUT_PHOTO,
        has_text=random.random(num_items) >= WITHOUT_TEXT,
    )


def catalogue_of(products: Products, random: np.random.Generator, *, start: datetime) -> pl.DataFrame:
    """Rows of the table `catalogue`: category, texts and photo, but no colour, pattern, theme or quality by name."""
    rows = [_row(products, number, random, start) for number in range(len(products))]
    return check(pl.DataFrame(rows, schema=dict(CATALOGUE.schema) | {"attributes": ATTRIBUTES}), CATALOGUE)


def _row(products: Products, number: int, random: np.random.Generator, start: datetime) -> dict[str, object]:
    category = CATEGORIES[products.category[number]]
    theme = THEMES[products.theme[number]]
    material_english, material_chinese = _one(MATERIAL_WORDS[MATERIALS[products.material[number]]], random)
    adjective, brand = _one(ADJECTIVES, random), _one(BRANDS, random)
    wording = int(random.integers(len(theme.english)))
    other = (wording + 1) % len(theme.english)
    in_chinese = CATEGORIES_IN_CHINESE[category]
    description = (
        f"A {adjective} {category} {theme.english[wording]}, {material_english}. {theme.english[other].capitalize()}. "
        f"{theme.chinese[wording]}的{in_chinese}，{material_chinese}，{theme.chinese[other]}。"
    )
    department = next(name for name, members in DEPARTMENTS.items() if category in members)
    on_sale, leaves = float(products.on_sale[number]), float(products.leaves[number])
    return {
        "item_id": products.item_ids[number],
        "group_id": None,
        "title": f"{brand} {category}, {theme.english[wording]} · {theme.chinese[wording]}{in_chinese}"
        if products.has_text[number]
        else f"{brand} {category} · {in_chinese}",
        "description": description if products.has_text[number] else None,
        "category": [department, category],
        "price": float(products.price[number]),
        "in_stock": True,
        "image_uri": f"{products.item_ids[number]}.jpg" if products.has_photo[number] else None,
        "available_from": start + timedelta(days=on_sale) if on_sale >= 0 else None,
        "available_to": start + timedelta(days=leaves) if np.isfinite(leaves) else None,
        "attributes": [{"name": "brand", "value": brand}],
    }


def _one(choices: Sequence[Choice], random: np.random.Generator) -> Choice:
    return choices[int(random.integers(len(choices)))]
