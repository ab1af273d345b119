import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from pipelines.sample_shop.drawing import (
    CATEGORIES,
    COLOURS,
    MATERIALS,
    PATTERNS,
    Placement,
    draw_product,
    encode_jpeg,
    silhouette_mask,
)

SIZE = 112
MUG = {"category": "mug", "colour": "blue", "pattern": "plain", "material": "matte"}


def drawn(*, seed: int = 0, **changes: str) -> Image.Image:
    return draw_product(**{**MUG, **changes}, random=np.random.default_rng(seed))  # type: ignore[arg-type]


def body_pixels(*, seed: int = 0, **changes: str) -> np.ndarray:
    """The pixels of the item's own colour, (pixels, 3); the placement is what the generator draws first."""
    placement = Placement.sample(np.random.default_rng(seed))
    mask = silhouette_mask({**MUG, **changes}["category"], placement, size=SIZE, body_only=True)
    return np.asarray(drawn(seed=seed, **changes), np.float64)[mask]


def test_the_shop_has_the_promised_variety() -> None:
    assert (len(CATEGORIES), len(COLOURS), len(PATTERNS), len(MATERIALS)) == (14, 10, 6, 4)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_drawn_at_the_asked_size(category: str) -> None:
    image = draw_product(category=category, colour="teal", pattern="dots", material="glossy", random=np.random.default_rng(3), size=96)
    assert (image.size, image.mode) == ((96, 96), "RGB")


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert encode_jpeg(drawn(seed=5)) == encode_jpeg(drawn(seed=5))


def test_another_seed_gives_another_photo() -> None:
    assert encode_jpeg(drawn(seed=5)) != encode_jpeg(drawn(seed=6))


def test_a_photo_is_a_jpeg_of_a_few_kilobytes() -> None:
    content = encode_jpeg(drawn(pattern="flowers", material="woven"))
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    assert 1_000 < len(content) < 10_000


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_product_is_cut_off_by_its_photo(category: str) -> None:
    for seed in range(20):
        mask = silhouette_mask(category, Placement.sample(np.random.default_rng(seed)), size=SIZE)
        inner = mask[1:-1, 1:-1]
        assert inner.sum() == mask.sum()  # nothing touches the outermost pixels


def test_two_categories_never_share_most_of_their_outline() -> None:
    masks = {category: silhouette_mask(category, Placement(), size=SIZE) for category in CATEGORIES}
    overlap = {(a, b): (masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum() for a, b in combinations(CATEGORIES, 2)}
    assert max(overlap.values()) < 0.8, max(overlap, key=lambda pair: overlap[pair])


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_plain_matte_product_has_the_named_colour(colour: str, category: str) -> None:
    mean = body_pixels(category=category, colour=colour).mean(axis=0)
    distance = {name: float(np.linalg.norm(mean - np.asarray(rgb))) for name, rgb in COLOURS.items()}
    assert min(distance, key=lambda name: distance[name]) == colour


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if name != "plain"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_pattern_stands_out_from_a_plain_cloth(pattern: str, colour: str) -> None:
    plain = body_pixels(category="dress", colour=colour).std(axis=0).max()
    assert body_pixels(category="dress", colour=colour, pattern=pattern).std(axis=0).max() > 1.5 * plain


@pytest.mark.parametrize("material", [name for name in MATERIALS if name != "matte"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_finish_changes_the_light_on_the_cloth(material: str, colour: str) -> None:
    difference = np.abs(body_pixels(colour=colour, material=material) - body_pixels(colour=colour))
    assert difference.max(axis=1).mean() > 4  # of 255 steps, on the average pixel


@pytest.mark.parametrize(("kind", "allowed"), [("category", "teapot"), ("colour", "teal"), ("pattern", "zigzag"), ("material", "woven")])
def test_an_unknown_name_is_refused_with_those_allowed(kind: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"{kind} 'velvety' cannot be drawn.*{allowed}"):
        drawn(**{kind: "velvety"})
