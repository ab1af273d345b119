from pathlib import Path

import numpy as np
import pytest

from pipelines.choosing_truth import Choosing
from pipelines.retriever_training import train_and_choose
from recsys.evaluation.truth import build_truth
from recsys.training.config import RetrieverConfig
from tests.support.behaviour import day, interactions_of, items_of


def test_a_window_of_repeats_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    before = [(f"u{user}", item, item) for user in range(8) for item in range(4)]
    log = interactions_of([*before, *((f"u{user}", 1, 50) for user in range(8))], num_items=6)
    truth = build_truth(log.before(day(40)), log.between(day(40), day(60)), candidates=np.ones(6, bool))
    with pytest.raises(ValueError, match=r"the 8 users of the validation window chose only items they had already seen.*\[cuts\]"):
        train_and_choose(items_of(6), Choosing.by_window(truth), RetrieverConfig(), now=day(40), scratch=tmp_path, track=pytest.fail)
