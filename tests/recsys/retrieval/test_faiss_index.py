from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.retrieval.config import IndexConfig
from recsys.retrieval.exact import search_exact
from recsys.retrieval.faiss_index import IndexRecallError, build_index, load_index, save_index


def _world(seed: int, num_items: int = 3000, dim: int = 8):  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(num_items, dim)).astype(np.float32)
    return vectors, generator.permutation(num_items * 2)[:num_items], generator.normal(size=(20, dim)).astype(np.float32)


@given(st.integers(0, 100), st.integers(1, 50))
def test_exact_search_agrees_with_sorting_everything(seed: int, k: int) -> None:
    vectors, ids, queries = _world(seed, num_items=40)
    expected = ids[np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]]
    np.testing.assert_array_equal(search_exact(queries, vectors, ids, k=k), expected)


def test_a_flat_index_finds_what_exact_search_finds() -> None:
    vectors, ids, queries = _world(0)
    index, description = build_index(vectors, ids, queries, IndexConfig(kind="flat"))
    np.testing.assert_array_equal(index.search(queries, 10)[1], search_exact(queries, vectors, ids, k=10))
    assert description.recall_at_100 == 1


def test_an_ivf_index_probes_until_it_reaches_its_promise(tmp_path: Path) -> None:
    vectors, ids, queries = _world(1)
    index, description = build_index(vectors, ids, queries, IndexConfig(kind="ivf", min_recall=0.9))
    save_index(tmp_path, index, description)
    loaded, told = load_index(tmp_path)
    assert told == description
    found = loaded.search(queries, 100)[1]
    exact = search_exact(queries, vectors, ids, k=100)
    recall = np.mean([np.isin(row, listed).mean() for row, listed in zip(exact, found, strict=True)])
    assert recall == pytest.approx(description.recall_at_100, abs=1e-5)
    assert recall >= 0.9


def test_where_one_byte_cannot_tell_items_apart_the_index_keeps_more_of_a_number() -> None:
    vectors, ids, queries = _world(3)
    plain = build_index(vectors, ids, queries, IndexConfig(kind="ivf"))[1]
    vectors[:8] = np.diag(np.full(8, -1000.0))  # items that nobody is shown, each far out in a coordinate
    queries = np.abs(queries)
    far_out = build_index(vectors, ids, queries, IndexConfig(kind="ivf"))[1]
    assert far_out.recall_at_100 >= 0.95
    assert (plain.codes, far_out.codes) == ("SQ8", "SQfp16")
    assert far_out.bytes > plain.bytes + vectors.nbytes / 8


@pytest.mark.parametrize(("kind", "cure"), [("ivf", 'set kind = "flat"'), ("flat", "lower min_recall")])
def test_a_promise_that_cannot_be_kept_is_an_error_that_says_so(kind: Literal["ivf", "flat"], cure: str) -> None:
    vectors, ids, queries = _world(2)
    with pytest.raises(IndexRecallError, match=rf"the {kind} index finds 0\.\d+ of .* promised are 1.0; .*{cure}"):
        build_index(np.tile(vectors[:20], (150, 1)), ids, queries, IndexConfig(kind=kind, min_recall=1.0))


@pytest.mark.parametrize("share", [1.1, 0, -0.5, float("nan")])
def test_a_promise_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        IndexConfig(min_recall=share)


def test_an_id_twice_is_refused() -> None:
    vectors, ids, queries = _world(0, num_items=10)
    ids[3] = ids[4]
    with pytest.raises(ValueError, match="in the index twice"):
        build_index(vectors, ids, queries, IndexConfig())


def test_fewer_items_than_were_asked_for() -> None:
    vectors, ids, queries = _world(0, num_items=7)
    index, description = build_index(vectors, ids, queries, IndexConfig())
    assert description.items == 7
    assert sorted(index.search(queries[:1], 7)[1][0]) == sorted(ids)
