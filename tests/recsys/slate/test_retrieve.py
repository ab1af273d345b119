from dataclasses import replace

import faiss
import numpy as np
import pytest

from recsys.slate.release_reader import Release, read_release
from recsys.slate.retrieve import retrieve
from tests.support.tiny_release import build_release

RED = np.eye(10, dtype=np.float32)[0]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    whole = read_release(build_release(tmp_path_factory.mktemp("releases"), items=400, kind="ivf"))
    return replace(whole, index_description=replace(whole.index_description, nprobe=1))


def black(release: Release) -> np.ndarray:
    return release.indexed & (np.arange(400) % 4 == 3)


def best_of(release: Release, visible: np.ndarray, k: int) -> list[int]:
    rows = np.flatnonzero(visible)
    return rows[np.argsort(-(release.item_vectors[rows] @ RED), kind="stable")[:k]].tolist()


def test_a_filter_that_the_nearest_list_cannot_fill_probes_every_list(release: Release) -> None:
    everything = int(black(release).sum())
    found = retrieve(release, RED, black(release), k=everything)
    assert found.path == "wider"
    assert found.item_index.tolist() == best_of(release, black(release), everything)


def test_an_index_that_lost_its_vectors_is_replaced_by_an_exact_scan(release: Release) -> None:
    found = retrieve(_emptied(release), RED, black(release), k=20)
    assert found.path == "exact"
    assert found.item_index.tolist() == best_of(release, black(release), 20)


def test_rounding_in_the_index_does_not_swap_items_at_the_cut(release: Release) -> None:
    assert release.index_description.nprobe  # inverted lists of quantised vectors
    every = replace(release, index_description=replace(release.index_description, nprobe=faiss.extract_index_ivf(release.index).nlist))
    found = retrieve(every, RED, release.indexed, k=20)
    assert found.path == "ann"
    assert found.item_index.tolist() == best_of(release, release.indexed, 20)


def _emptied(release: Release) -> Release:
    empty = faiss.clone_index(release.index)
    empty.reset()
    return replace(release, index=empty)
