import math

import numpy as np
import pytest

from recsys.data.interactions import MICROSECONDS_PER_DAY
from recsys.data.items import ALWAYS
from recsys.data.ranking_features import RankingHistory, feature_names, ranking_features
from recsys.data.ranking_items import RankingItems
from recsys.data.relevance import Kind

NAN = float("nan")
NOW = 100 * MICROSECONDS_PER_DAY


def items_of_three() -> RankingItems:
    """Item 0 and 1 look alike, item 2 has no image, no price, no category and no past."""
    return RankingItems(
        wanted=np.array([[1, 2, 3, 4, 5], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], np.float32),
        born=np.array([90 * MICROSECONDS_PER_DAY, 0, ALWAYS]),
        click_rate=np.array([0.1, NAN, NAN], np.float32),
        mean_rating=np.array([4, 3, NAN], np.float32),
        price=np.array([10, 20, NAN], np.float32),
        category=np.array([0, 0, -1]),
        vectors={"image": np.array([[1, 0], [0.8, 0.6], [0, 0]], np.float32)},
        presence={"image": np.array([True, True, False])},
        further={"review_count": np.array([0, np.e - 1, 0], np.float32), "mean_sentiment": np.array([-0.5, NAN, 0.25], np.float32)},
    )


def features_of(history: list[tuple[int, Kind, float]], candidates: list[int], scores: list[float]) -> dict[str, list[float]]:
    told = RankingHistory(
        np.array([row[0] for row in history], np.int64),
        np.array([row[1] for row in history], np.int64),
        np.array([row[2] for row in history], np.float32),
    )
    values = ranking_features(told, np.array(candidates, np.int64), np.array(scores), items_of_three(), now=NOW)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    return dict(zip(feature_names(["image"], ("review_count", "mean_sentiment")), values.T.tolist(), strict=True))


def test_a_retrieval_score_counts_relative_to_its_request() -> None:
    found = features_of([], [0, 1], [7.0, 5.0])
    assert found["retrieval_z"] == [1, -1]  # mean 6, deviation 1
    assert found["retrieval_rank"] == [0, 0.5]
    assert features_of([], [0, 1], [70.0, 50.0]) == found


def test_similarity_is_the_cosine_with_liked_items() -> None:
    found = features_of([(0, Kind.LIKED, 1.0)], [1, 2], [1.0, 0.0])
    assert found["image_nearest"] == pytest.approx([0.8, 0])
    assert found["image_disliked"] == [0, 0]
    assert found["image_missing"] == [0, 1]


def test_a_disliked_item_counts_on_the_other_side() -> None:
    found = features_of([(0, Kind.DISLIKED, 1.0)], [1], [1.0])
    assert found["image_disliked"] == pytest.approx([0.8])
    assert found["image_nearest"] == [0]


def test_price_gap_is_in_logarithms() -> None:
    found = features_of([(0, Kind.LIKED, 1.0)], [1, 2], [1.0, 0.0])
    assert found["price_gap"] == pytest.approx([math.log(21 / 11), 0])
    assert found["no_price_gap"] == [0, 1]


def test_affinity_is_the_share_of_the_history_in_the_category() -> None:
    found = features_of([(0, Kind.LIKED, 1.0)], [1, 2], [1.0, 0.0])
    assert found["category_affinity"] == pytest.approx([0.5, 0])  # one event, and one imagined of no category
    assert found["no_category"] == [0, 1]


def test_age_and_popularity_are_logarithms() -> None:
    found = features_of([], [0, 2], [1.0, 0.0])
    assert found["item_age"] == pytest.approx([math.log(11), 0])
    assert found["no_item_age"] == [0, 1]
    assert found["wanted_all"] == pytest.approx([math.log(6), 0])


def test_no_candidate_gives_no_row() -> None:
    assert features_of([], [], [])["retrieval_z"] == []


def test_further_features_are_counts_on_a_log_scale_and_rates_with_a_flag() -> None:
    found = features_of([], [0, 1, 2], [1.0, 1.0, 1.0])
    assert found["review_count"] == pytest.approx([0, 1, 0])
    assert found["mean_sentiment"] == [-0.5, 0, 0.25]
    assert found["no_mean_sentiment"] == [0, 1, 0]
