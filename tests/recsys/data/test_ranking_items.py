from pathlib import Path

import numpy as np

from feature_store.schema import ITEM_FEATURES
from recsys.data.ranking_items import build_ranking_items, load_ranking_items, save_ranking_items
from tests.support.behaviour import day, items_of


def test_saved_and_loaded_items_are_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = {"image": random.normal(size=(4, 3)).astype(np.float32), "text": random.normal(size=(4, 5)).astype(np.float32)}
    presence = {"image": np.array([True, True, True, False])}
    catalogue = items_of(4, vectors=vectors, presence=presence, categories=["a", "b", "a", "b"])
    items = build_ranking_items(catalogue, ITEM_FEATURES.empty(), moment=day(1))
    save_ranking_items(tmp_path, items)
    loaded = load_ranking_items(tmp_path)
    for name in ("wanted", "born", "click_rate", "mean_rating", "price", "category"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(items, name))
    for name in items.modalities:
        np.testing.assert_allclose(loaded.vectors[name], items.vectors[name], atol=1e-6)
        np.testing.assert_array_equal(loaded.presence[name], items.presence[name])
    assert np.linalg.norm(np.load(tmp_path / "content_vectors.npy"), axis=1).round(5).tolist() == [1, 1, 1, 1]
