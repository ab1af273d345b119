from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from recsys.encoders.content import Encoded, TextContent, UnencodedPhotos
from recsys.encoders.precision_check import SAMPLE, PrecisionCheck, PrecisionError, check_precision, fixed_sample, neighbour_overlap
from recsys.encoders.text import TextEncoder


class Numbers:
    """A modality whose content is the number of an item and whose short vectors lean away from the exact ones by an angle."""

    version, dim = "numbers", 2

    def __init__(self, *, leaning: float = 0.0) -> None:
        self.leaning, self.encoded = leaning, 0

    def in_fp32(self) -> "Numbers":
        return Numbers() if self.leaning else self

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        self.numbers = items["number"].to_list()
        return ["" if number is None else str(number) for number in self.numbers], {}

    def encode(self, rows: Sequence[int]) -> Encoded:
        self.encoded += len(rows)
        angles = {row: self.numbers[row] / 1000 + self.leaning for row in rows}
        return Encoded({row: np.array([np.cos(angle), np.sin(angle)], np.float32) for row, angle in angles.items()})

    def truncated(self, items: pl.DataFrame) -> int:
        return 0


def items(number: int) -> pl.DataFrame:
    return pl.DataFrame({"item_id": [f"i{at}" for at in range(number)], "number": range(number)})


def test_the_lowest_cosine_is_that_of_the_leaning() -> None:
    check = check_precision(Numbers(leaning=0.1), items(50), last=None)
    assert check.compared == 50
    assert check.min_cosine == pytest.approx(np.cos(0.1), abs=1e-5)
    assert check.neighbour_overlap == 1.0  # all lean alike: the neighbours stay


def test_the_sample_is_the_same_whatever_the_order_and_grows_no_further() -> None:
    catalogue = items(1000)
    chosen, digests = fixed_sample(Numbers(), catalogue)
    again, _ = fixed_sample(Numbers(), catalogue.sample(fraction=1, shuffle=True, seed=3))
    assert chosen.equals(again)
    assert len(set(digests)) == SAMPLE


def test_new_items_hardly_change_the_sample() -> None:
    before, after = (set(fixed_sample(Numbers(), items(number))[0]["item_id"]) for number in (1000, 1010))
    assert len(before & after) >= SAMPLE - 10


def test_items_without_content_and_equal_contents_are_passed_over() -> None:
    sparse = items(2000).with_columns(number=pl.when(pl.col("number") % 4 == 0).then(pl.col("number") // 8))  # 500 items, 250 contents
    chosen, digests = fixed_sample(Numbers(), sparse)
    assert len(chosen) == len(set(digests)) == 250


def test_an_equal_sample_is_not_encoded_again() -> None:
    first = check_precision(Numbers(leaning=0.1), items(300), last=None)
    content = Numbers(leaning=0.1)
    assert check_precision(content, items(300), last=asdict(first)) == first
    assert content.encoded == 0


def test_another_sample_is() -> None:
    first = check_precision(Numbers(leaning=0.1), items(100), last=None)
    assert check_precision(Numbers(leaning=0.2), items(90), last=asdict(first)).min_cosine == pytest.approx(np.cos(0.2), abs=1e-5)


@pytest.mark.parametrize("content", [Numbers(), UnencodedPhotos(lambda _uri: b"")])
def test_where_all_is_exact_or_absent_nothing_is_compared(content: Numbers | UnencodedPhotos) -> None:
    check = check_precision(content, items(20).with_columns(image_uri=pl.col("item_id")), last=None)
    assert (check.compared, check.min_cosine) == (0, None)
    check.require(1.0, modality="image")


def test_too_low_a_cosine_says_what_to_set() -> None:
    check = PrecisionCheck(sample="", compared=256, min_cosine=0.9, neighbour_overlap=0.5)
    with pytest.raises(PrecisionError, match=r'image vectors .* over 256 items is 0\.9000, at least 0\.98 .* precision = "fp32"'):
        check.require(0.98, modality="image")
    replace(check, min_cosine=0.98).require(0.98, modality="image")


def test_the_overlap_counts_the_neighbours_both_name() -> None:
    def at(*angles: float) -> npt.NDArray[np.float32]:
        return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)

    # nearest of row 0: 1, then 2; of row 1: 0 both times; of row 2: 1, then 0
    assert neighbour_overlap(at(0, 0.1, 0.3), at(0.15, 0.1, 0.18), k=1) == pytest.approx(1 / 3)


def test_bf16_minilm_means_what_fp32_means() -> None:
    content = TextContent(TextEncoder(precision="bf16", max_tokens=16), ("title",))
    words = ["red", "blue", "wool", "steel", "scarf", "mug"]
    catalogue = pl.DataFrame({"item_id": [f"i{at}" for at in range(30)], "title": [f"a {a} {b}" for a in words for b in words if a != b]})
    check = check_precision(content, catalogue, last=None)
    assert check.compared == 30
    assert check.min_cosine is not None
    assert 0.999 < check.min_cosine < 1
