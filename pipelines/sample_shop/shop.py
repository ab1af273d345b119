"""Draw the whole shop into the landing folders, and what is planted into a folder of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pipelines.importers.landing import ImportSummary, Landing
from pipelines.progress import Progress
from pipelines.sample_shop.behaviour import simulate
from pipelines.sample_shop.drawing import CATEGORIES, COLOURS, MATERIALS, PATTERNS, draw_product, encode_jpeg
from pipelines.sample_shop.oracle import save_truth
from pipelines.sample_shop.policy import SLATE_LENGTH, Policy
from pipelines.sample_shop.products import CORRUPT_PHOTOS, Products, catalogue_of, plan_products
from pipelines.sample_shop.reviews import write_reviews
from pipelines.sample_shop.shoppers import plan_shoppers
from pipelines.sample_shop.words import THEMES

START = datetime(2026, 3, 1, tzinfo=UTC)
IMPRESSIONS_PER_USER = 26


@dataclass(frozen=True, kw_only=True)
class ShopSize:
    """How large the shop is."""

    num_items: int = 2000
    num_users: int = 8000
    num_days: int = 60


def draw_shop(landing: Landing, truth: Path, *, seed: int, size: ShopSize | None = None, progress: Progress) -> ImportSummary:
    """Fill the landing folders; the same seed gives the same bytes.

    Args:
        landing: Where catalogue, events and photos go.
        truth: Folder for what is planted, which no stage reads.
        seed: Of everything.
        size: Of the shop.
        progress: Shows how many photos are drawn.
    """
    size = size or ShopSize()
    for_products, for_shoppers, for_texts, for_events, for_photos, for_reviews = np.random.default_rng(seed).spawn(6)
    products = plan_products(for_products, num_items=size.num_items, num_days=size.num_days)
    shoppers = plan_shoppers(
        for_shoppers,
        num_users=size.num_users,
        num_days=size.num_days,
        num_requests=size.num_users * IMPRESSIONS_PER_USER // SLATE_LENGTH,
        sizes={
            "category": len(CATEGORIES),
            "colour": len(COLOURS),
            "pattern": len(PATTERNS),
            "theme": len(THEMES),
            "material": len(MATERIALS),
        },
    )
    policy = Policy(products, shoppers)
    events = simulate(policy, for_events, num_days=size.num_days, start=START)
    reviews = write_reviews(events, products, shoppers, for_reviews)
    photos = _draw_photos(products, landing.images, for_photos, progress)
    landing.put_catalogue(catalogue_of(products, for_texts, start=START), "sample-shop")
    landing.put_events(events, "sample-shop")
    landing.put_events(reviews, "sample-shop-reviews")
    save_truth(truth, policy, start=START)
    return ImportSummary(events=events.height + reviews.height, items=len(products), images=photos)


def _draw_photos(products: Products, folder: Path, random: np.random.Generator, progress: Progress) -> int:
    """A photo of every product that has one; a few of them are damaged on the way to the shop."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = tuple(COLOURS)
    with_photo = np.flatnonzero(products.has_photo)
    damaged = set(random.choice(with_photo, min(CORRUPT_PHOTOS, len(with_photo) // 20), replace=False).tolist())
    for number in progress.track(with_photo.tolist(), what="drawing products"):
        photo = draw_product(
            category=CATEGORIES[products.category[number]],
            colour=colours[products.colour[number]],
            pattern=PATTERNS[products.pattern[number]],
            material=MATERIALS[products.material[number]],
            random=random,
        )
        path, content = folder / f"{products.item_ids[number]}.jpg", encode_jpeg(photo)
        path.write_bytes(_damage(content, number) if number in damaged else content)
    return len(with_photo)


def _damage(content: bytes, number: int) -> bytes:
    """Cut short, empty, or a page of an error that someone saved as a photo."""
    return (content[: len(content) // 3], b"", b"<html><body>404 Not Found</body></html>")[number % 3]
