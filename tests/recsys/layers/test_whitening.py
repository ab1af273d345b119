import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from recsys.layers.whitening import Whitening


def test_directions_are_scaled_half_way_between_raw_and_white() -> None:
    deviations = np.array([8.0, 4.0, 2.0, 1.0])
    vectors = (np.random.default_rng(0).normal(size=(20_000, 4)) * deviations + 3).astype(np.float32)
    whitening = Whitening(4, 4)
    whitening.fit(vectors)
    turned = ((torch.from_numpy(vectors) - whitening.mean) @ whitening.projection).numpy()  # before they are brought to one length
    np.testing.assert_allclose(turned.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(turned.T), np.diag(deviations), atol=0.1)


def test_every_vector_has_the_same_length() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    whitening = Whitening(6, 4)
    whitening.fit(vectors)
    np.testing.assert_allclose(whitening(torch.from_numpy(vectors)).norm(dim=1).numpy(), 2, rtol=1e-5)


def test_directions_without_variance_become_zero() -> None:
    vectors = np.zeros((10, 3), np.float32)
    vectors[:, 0] = np.arange(10)
    whitening = Whitening(3, 3)
    whitening.fit(vectors)
    assert np.count_nonzero(np.abs(whitening(torch.from_numpy(vectors)).numpy()).sum(0)) == 1


def test_a_single_item_is_no_ground_to_learn_from() -> None:
    whitening = Whitening(3, 2)
    whitening.fit(np.ones((1, 3), np.float32))
    assert torch.equal(whitening(torch.ones(1, 3)), torch.zeros(1, 2))


def test_bands_end_at_doubling_places() -> None:
    assert [(band.start, band.stop) for band in Whitening(50, 40).bands] == [(0, 8), (8, 16), (16, 32), (32, 40)]


@given(worth=st.lists(st.floats(0, 20), min_size=2, max_size=2))
def test_a_band_counts_as_much_as_it_is_worth(worth: list[float]) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    whitening = Whitening(12, 12)
    whitening.fit(vectors)
    before = whitening(torch.from_numpy(vectors))
    whitening.weigh(torch.tensor(worth))
    after = whitening(torch.from_numpy(vectors))
    for value, band in zip(worth, whitening.bands, strict=True):
        torch.testing.assert_close(after[:, band] @ after[:, band].T, value * (before[:, band] @ before[:, band].T), rtol=1e-4, atol=1e-4)


def test_few_items_are_turned_as_many_copies_of_them_would_be() -> None:
    few = np.random.default_rng(0).normal(size=(6, 20)).astype(np.float32)
    small, large = Whitening(20, 4), Whitening(20, 4)
    small.fit(few)
    large.fit(np.tile(few, (50, 1)))
    alike = small(torch.from_numpy(few)) @ small(torch.from_numpy(few)).T
    torch.testing.assert_close(alike, large(torch.from_numpy(few)) @ large(torch.from_numpy(few)).T, rtol=1e-4, atol=1e-4)
