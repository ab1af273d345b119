import io

import numpy as np
import pytest
from PIL import Image

from recsys.encoders.photo_decoding import prepare_photo
from recsys.encoders.photo_files import UnreadablePhotoError
from recsys.encoders.photo_formats import decode_photo
from tests.support.photos import bomb, broken_zoo, encoded, jpeg, readable_zoo

SIZE = 32


@pytest.mark.parametrize("name", readable_zoo())
def test_odd_photos_become_squares_of_pixels(name: str) -> None:
    pixels = prepare_photo(readable_zoo()[name], size=SIZE)
    assert tuple(pixels.shape) == (3, SIZE, SIZE)


@pytest.mark.parametrize("name", broken_zoo())
def test_what_is_no_photo_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=r"corrupt: \w+"):
        prepare_photo(broken_zoo()[name], size=SIZE)


def test_exif_rotation_is_applied() -> None:
    pixels = decode_photo(readable_zoo()["rotated.jpg"])
    assert pixels[5, 32, 0] > 200  # top: red
    assert pixels[58, 32, 2] > 200  # bottom: blue


def test_transparent_pixels_are_white() -> None:
    pixels = decode_photo(readable_zoo()["palette.png"])
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[20, 20].tolist() == [255, 0, 0]
    assert decode_photo(readable_zoo()["grey_alpha.png"]).min() == 255  # alpha 0 everywhere


def test_cmyk_without_cyan_is_red() -> None:
    red, green, blue = decode_photo(readable_zoo()["cmyk.jpg"])[20, 20].tolist()
    assert red > 200
    assert green < 60
    assert blue < 60


def test_half_of_sixteen_bits_is_half_of_eight() -> None:
    assert decode_photo(readable_zoo()["sixteen_bit.png"])[0, 0].tolist() == [127, 127, 127]  # 32767 / 257 = 127.5, to even below


def test_only_the_central_square_is_seen() -> None:
    image = Image.new("RGB", (90, 30), (255, 255, 255))
    image.paste((0, 0, 0), (30, 0, 60, 30))  # the middle third is black
    assert prepare_photo(encoded(image, "PNG"), size=SIZE).max() == 0


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(UnreadablePhotoError, match="too many pixels"):
        prepare_photo(bomb(), size=SIZE)


def test_reduced_decoding_shows_the_same_as_full() -> None:
    y, x = np.mgrid[:512, :512]
    smooth = np.stack([x / 2, y / 2, (x + y) / 4], axis=-1).astype(np.uint8)
    content = encoded(Image.fromarray(smooth), "JPEG", quality=95)
    full = np.asarray(Image.open(io.BytesIO(content)).resize((64, 64), Image.Resampling.BICUBIC), np.int64)
    ours = prepare_photo(content, size=64).permute(1, 2, 0).numpy().astype(np.int64)
    assert np.abs(full - ours).mean() < 1.5


def test_a_plain_jpeg_keeps_its_colour() -> None:
    assert np.abs(decode_photo(jpeg((200, 30, 30)))[10, 10].astype(int) - [200, 30, 30]).max() <= 3
