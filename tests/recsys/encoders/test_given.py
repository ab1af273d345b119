import numpy as np
import polars as pl

from recsys.encoders.given import GivenContent

ITEMS = pl.DataFrame({"item_id": ["a", "b", "c"]})
VECTORS = np.array([[2.0, 0.0], [0.0, 0.0]], np.float32)


def content(vectors: np.ndarray = VECTORS) -> GivenContent:
    return GivenContent({"c": 0, "a": 1}, vectors, {"b": "odd"}, version="1")


def test_an_items_vector_is_looked_up_and_kept_as_it_is() -> None:
    given = content()
    given.read(ITEMS)
    encoded = given.encode([0, 2])
    assert encoded.vectors[2].tolist() == [2.0, 0.0]
    assert encoded.reasons == {0: "vector: its length is zero"}


def test_only_what_has_a_vector_has_a_digest_and_only_what_was_refused_a_reason() -> None:
    digests, reasons = content().read(ITEMS)
    assert [bool(digest) for digest in digests] == [True, False, True]
    assert reasons == {1: "odd"}


def test_the_digest_is_that_of_the_numbers() -> None:
    first, same, other = (content(vectors).read(ITEMS)[0] for vectors in (VECTORS, VECTORS.copy(), VECTORS + 1))
    assert first == same
    assert first != other
