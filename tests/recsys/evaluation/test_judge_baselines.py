import numpy as np
import pytest

from recsys.evaluation.config import EvaluationConfig
from recsys.evaluation.judge_baselines import judge_baselines
from recsys.evaluation.truth import build_truth
from recsys.models.baselines import ease
from tests.support.behaviour import day, items_of, random_interactions

LOG = random_interactions(7, num_users=50, num_items=20, num_events=700)
PAST, WINDOW = LOG.before(day(80)), LOG.between(day(80), day(100))
TRUTH = build_truth(PAST, WINDOW, candidates=np.ones(20, bool))


def test_the_setting_with_the_best_ndcg_is_kept_and_all_tries_are_told() -> None:
    config = EvaluationConfig(baselines=("ease",), ease_strengths=(1.0, 10.0, 500.0))
    choice = judge_baselines(PAST, items_of(20), TRUTH, config).chosen[0]
    assert [trial.strength for trial in choice.trials] == [1, 10, 500]
    assert np.nanmean(choice.judgement.metrics["new"]["ndcg@10"]) == max(trial.value for trial in choice.trials)


def test_a_baseline_that_cannot_be_built_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease.EASE.__init__, "__kwdefaults__", {"most_items": 3})
    found = judge_baselines(PAST, items_of(20), TRUTH, EvaluationConfig(baselines=("ease", "content_knn", "popularity")))
    assert [choice.scorer.name for choice in found.chosen] == ["popularity"]
    assert "at most 3 liked items" in found.skipped["ease"]
    assert "needs item vectors" in found.skipped["content_knn"]


def test_no_setting_to_try_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        judge_baselines(PAST, items_of(20), TRUTH, EvaluationConfig(baselines=("ease",), ease_strengths=()))
