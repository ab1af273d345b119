import numpy as np
import torch

from recsys.layers.whitening import Whitening


def test_whitened_vectors_have_mean_zero_and_unit_covariance() -> None:
    generator = np.random.default_rng(0)
    vectors = (generator.normal(size=(500, 6)) @ generator.normal(size=(6, 6)) + 3).astype(np.float32)
    whitening = Whitening(6, 4)
    whitening.fit(vectors)
    white = whitening(torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=1e-2)


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
