import numpy as np
import polars as pl

from pipelines.audit.difference import difference

FRAME = pl.DataFrame({"item_id": ["a", "b"], "wanted": [1, 2], "rate": [0.1, None]})


def test_the_same_is_no_difference() -> None:
    clean = {"rows": FRAME, "numbers": np.array([1.0, np.nan], np.float32), "text": "one\ntwo"}
    assert difference(clean, clean | {"rows": FRAME.clone(), "numbers": clean["numbers"].copy()}) == ""  # type: ignore[union-attr]


def test_a_row_that_differs_is_told_with_what_it_was_and_is() -> None:
    told = difference({"rows": FRAME}, {"rows": FRAME.with_columns(wanted=pl.Series([1, 9]))})
    assert told == "rows: 1 of 2 rows differ; in the first, of item_id b: wanted was 2 and is 9"


def test_the_last_bits_of_a_sum_are_no_difference_and_a_null_is() -> None:
    assert difference({"rows": FRAME}, {"rows": FRAME.with_columns(rate=pl.Series([0.1 + 1e-17, None]))}) == ""
    assert "rate was None and is 0.0" in difference({"rows": FRAME}, {"rows": FRAME.with_columns(rate=pl.Series([0.1, 0.0]))})


def test_a_further_row_is_shown() -> None:
    told = difference({"rows": FRAME}, {"rows": pl.concat([FRAME, FRAME.with_columns(item_id=pl.lit("c")).head(1)])})
    assert told == "rows: 2 rows have become 3; the first that has come: {'item_id': 'c', 'wanted': 1, 'rate': 0.1}"


def test_numbers_of_a_model_may_differ_by_rounding_alone_each_column_by_its_own() -> None:
    clean = np.array([[1.0, 300.0], [1e-6, np.nan]], np.float32)

    def told(change: float, file: str) -> str:
        return difference({file: clean}, {file: clean + np.array([[change, 0], [0, 0]], np.float32)})

    for file in ("validation/model.safetensors: item_bias.weight", "validation/item_vectors.npy"):
        assert told(1e-5, file) == ""
        assert told(1e-3, file).startswith(f"{file}: 1 of 4 values differ; the first, at (0, 0), was 1.0 and is 1.001")


def test_numbers_that_are_not_trained_must_be_the_same_to_the_last_bit() -> None:
    clean = np.array([[1.0, 2.0]], np.float32)
    told = difference({"age_days": clean}, {"age_days": np.nextafter(clean, np.float32(9))})
    assert told.startswith("age_days: 2 of 2 values differ; the first, at (0, 0), was 1.0 and is 1.0000001")


def test_another_shape_a_text_and_a_missing_file_are_told() -> None:
    assert "has become int64 of shape (3,)" in difference({"a": np.arange(2)}, {"a": np.arange(3)})
    assert difference({"a": "x\ny"}, {"a": "x\nz"}) == "a: line 2 was 'y' and is 'z'"
    assert difference({"a": "x", "b": "x"}, {"a": "x"}) == "['b'] is there only once"
