import numpy as np

from recsys.evaluation.compare import compare


def test_one_model_is_compared_with_every_other_and_holm_counts_them_all() -> None:
    generator = np.random.default_rng(0)
    judged = {name: {"ndcg@10": generator.normal(mean, 0.1, 100)} for name, mean in (("a", 0.5), ("b", 0.3), ("c", 0.49))}
    found = compare(judged, first="a", metrics=["ndcg@10"], resamples=999, seed=0)
    assert [entry.second for entry in found] == ["b", "c"]
    assert found[0].difference.low > 0
    assert found[0].corrected_p_value == 2 * found[0].difference.p_value  # the smaller of two
