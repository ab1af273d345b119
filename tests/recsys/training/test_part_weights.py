import numpy as np
import pytest

from recsys.training.part_weights import level_weight


def test_at_the_level_weight_both_spread_scores_alike_and_who_is_told_nothing_does_not_count() -> None:
    random = np.random.default_rng(0)
    towers, part = random.normal(0, 3, (50, 400)).astype(np.float32), random.normal(5, 0.5, (50, 400)).astype(np.float32)
    assert level_weight(towers, part) == pytest.approx(6, rel=0.05)
    part[10:], towers[10:] = 0, 100
    assert level_weight(towers, part) == pytest.approx(6, rel=0.05)
    assert level_weight(towers, np.zeros_like(part)) == 0


def test_what_is_left_out_does_not_count() -> None:
    random = np.random.default_rng(0)
    towers, part = random.normal(0, 3, (50, 400)).astype(np.float32), random.normal(0, 1, (50, 400)).astype(np.float32)
    seen = random.random(part.shape) < 0.1
    loud = np.where(seen, 100, part).astype(np.float32)
    assert level_weight(towers, loud) < 0.5
    assert level_weight(towers, loud, left_out=seen) == pytest.approx(3, rel=0.05)
    seen[:10] = True  # some have seen it all
    assert level_weight(towers, loud, left_out=seen) == pytest.approx(3, rel=0.05)
    assert level_weight(towers, loud, left_out=np.ones_like(seen)) == 0
