from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from recsys.data.further import FURTHER
from recsys.data.ranking_items import (
    build_ranking_items,
    centred_units,
    content_centres,
    extend_ranking_items,
    joined_content,
    load_ranking_items,
    present_further,
    save_ranking_items,
)
from tests.support.behaviour import day, items_of
from tests.support.rated_items import NOTHING_KNOWN


def test_saved_and_loaded_items_are_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = {"image": random.normal(size=(4, 3)).astype(np.float32), "text": random.normal(size=(4, 5)).astype(np.float32)}
    presence = {"image": np.array([True, True, True, False])}
    catalogue = items_of(4, vectors=vectors, presence=presence, categories=["a", "b", "a", "b"])
    items = build_ranking_items(catalogue, NOTHING_KNOWN, moment=day(1))
    save_ranking_items(tmp_path, items)
    loaded = load_ranking_items(tmp_path)
    for name in ("wanted", "born", "click_rate", "mean_rating", "price", "category"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(items, name))
    for name in items.modalities:
        np.testing.assert_allclose(loaded.vectors[name], items.vectors[name], atol=1e-6)
        np.testing.assert_array_equal(loaded.presence[name], items.presence[name])
    assert np.linalg.norm(np.load(tmp_path / "content_vectors.npy"), axis=1).round(5).tolist() == [1, 1, 1, 1]


def test_items_without_events_are_laid_behind_as_the_night_would_describe_them() -> None:
    random = np.random.default_rng(0)
    vectors = {"image": random.normal(size=(6, 3)).astype(np.float32), "text": random.normal(size=(6, 5)).astype(np.float32)}
    presence = {"image": np.array([True, True, True, False, False, True])}
    catalogue = items_of(6, vectors=vectors, presence=presence, categories=list("abcabc"), born={4: day(3)})
    whole = build_ranking_items(catalogue, NOTHING_KNOWN, moment=day(9))
    centres = content_centres(catalogue)
    last = {name: centred_units(vectors[name][4:], catalogue.presence[name][4:], centre) for name, centre in centres.items()}
    extended = extend_ranking_items(whole, catalogue, joined_content(last, size=2))
    for name in ("wanted", "born", "click_rate", "mean_rating", "price", "category"):
        np.testing.assert_array_equal(getattr(extended, name), getattr(whole, name))
    for name in whole.modalities:
        np.testing.assert_allclose(extended.vectors[name], whole.vectors[name], atol=1e-6)
        np.testing.assert_array_equal(extended.presence[name], whole.presence[name])


def reviewed(**told: object) -> pl.DataFrame:
    """Item features of i1 as of day 1."""
    counts = {name: 0 for name in NOTHING_KNOWN.columns if name.startswith("wanted_")}
    row = {"item_id": "i1", "event_time": day(1), "known_at": day(1), **counts, "wanted_decayed": 8.0, **told}
    return pl.DataFrame([row], schema=NOTHING_KNOWN.schema)


def test_further_features_are_those_asked_for_that_the_shop_has(tmp_path: Path) -> None:
    features = reviewed(review_count=2, mean_sentiment=0.5)
    items = build_ranking_items(items_of(3), features, moment=day(2), further=("conversion_rate", "mean_sentiment", "review_count"))
    assert list(items.further) == ["review_count", "mean_sentiment"]  # nobody has ever bought
    save_ranking_items(tmp_path, items)
    for found in (load_ranking_items(tmp_path), extend_ranking_items(items, items_of(4), np.zeros((1, 0), np.float32))):
        assert found.further["review_count"][:3].tolist() == [0, 2, 0]
        np.testing.assert_array_equal(found.further["mean_sentiment"][:3], np.array([np.nan, 0.5, np.nan], np.float32))
    assert found.further["review_count"][3] == 0
    assert np.isnan(found.further["mean_sentiment"][3])
    assert present_further(features, FURTHER) == ("wanted_decayed", "review_count", "mean_sentiment")


def test_what_decays_has_decayed_on_by_the_moment() -> None:
    items = build_ranking_items(items_of(3), reviewed(), moment=day(1) + timedelta(days=60), further=FURTHER)
    assert items.further["wanted_decayed"].tolist() == [0, 2, 0]  # two half lives of thirty days
