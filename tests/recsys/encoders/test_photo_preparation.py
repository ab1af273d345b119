import io

import numpy as np
import pytest
from PIL import Image

from recsys.encoders.image import ImageEncoderSpec
from recsys.encoders.photo_files import UnreadablePhotoError
from recsys.encoders.photo_preparation import PhotoPreparation, photo_pixels, photo_values
from tests.support.photos import broken_zoo, encoded, jpeg, readable_zoo

HALF = (0.5, 0.5, 0.5)


def prepared(width: int, height: int, **how: object) -> tuple[int, ...]:
    photo = encoded(Image.new("RGB", (width, height), (9, 9, 9)), "PNG")
    return photo_pixels(photo, PhotoPreparation(mean=HALF, std=HALF, **how)).shape[:2]


def test_the_shorter_side_gets_its_length_and_the_longer_one_follows() -> None:
    assert prepared(100, 75, shorter_side=30) == (30, 40)
    assert prepared(75, 100, shorter_side=30) == (40, 30)


def test_a_shape_is_reached_whatever_the_proportions_were() -> None:
    assert prepared(100, 10, shape=(16, 24)) == (16, 24)


def test_around_a_photo_smaller_than_the_crop_all_is_black() -> None:
    photo = encoded(Image.new("RGB", (2, 4), (255, 255, 255)), "PNG")
    pixels = photo_pixels(photo, PhotoPreparation(crop=(6, 6), mean=HALF, std=HALF))
    assert pixels[:, :, 0].sum(axis=0).tolist() == [0, 0, 4 * 255, 4 * 255, 0, 0]
    assert pixels[:, :, 0].sum(axis=1).tolist() == [0, 2 * 255, 2 * 255, 2 * 255, 2 * 255, 0]


def test_values_are_centred_and_scaled_channel_by_channel() -> None:
    pixels = np.full((1, 1, 3), (0, 255, 51), np.uint8)
    values = photo_values(pixels, PhotoPreparation(mean=(0.5, 0.5, 0.0), std=(0.5, 0.25, 0.1)))
    assert values[:, 0, 0] == pytest.approx([-1, 2, 2])  # 51 / 255 = 0.2


def test_photos_of_many_shapes_are_no_batch() -> None:
    with pytest.raises(ValueError, match="neither cropped nor resized to one shape"):
        _ = PhotoPreparation(shorter_side=30, mean=HALF, std=HALF).final_shape


@pytest.mark.parametrize(("size", "crop"), [(32, 1.0), (48, 0.875)])
@pytest.mark.parametrize("name", [*readable_zoo(), "large.jpg"])
def test_without_torch_a_timm_encoders_pixels_are_the_same_but_for_rounding(name: str, size: int, crop: float) -> None:
    photo = readable_zoo()[name] if name != "large.jpg" else jpeg(size=(700, 500), seed=3)
    spec = ImageEncoderSpec(model="", options=(), pooling="last", size=size, crop=crop, mean=HALF, std=HALF)
    found, wanted = photo_pixels(photo, spec.preparation), spec.prepare(photo).permute(1, 2, 0).numpy()
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 2


@pytest.mark.parametrize("name", broken_zoo())
def test_what_is_no_photo_is_refused(name: str) -> None:
    with pytest.raises(UnreadablePhotoError, match="corrupt"):
        photo_pixels(broken_zoo()[name], PhotoPreparation(shape=(8, 8), mean=HALF, std=HALF))


def test_the_filter_is_the_one_that_is_named() -> None:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8))
    file = io.BytesIO()
    photo.save(file, "PNG")
    for name in ("bilinear", "bicubic", "lanczos"):
        found = photo_pixels(file.getvalue(), PhotoPreparation(shape=(20, 20), interpolation=name, mean=HALF, std=HALF))
        assert np.array_equal(found, np.asarray(photo.resize((20, 20), Image.Resampling[name.upper()])))
