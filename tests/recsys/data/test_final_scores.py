import numpy as np
import pytest

from recsys.data.final_scores import final_scores

PROBABILITIES = np.array([[0.1, 0.0], [0.2, 0.0], [0.05, 0.1]])
RETRIEVAL = np.array([3.0, 2.0, 1.0])


@pytest.mark.parametrize(("weights", "blend", "order"), [((1, 0), 0.0, [1, 0, 2]), ((1, 4), 0.0, [2, 1, 0]), ((1, 4), 1.0, [0, 1, 2])])
def test_weights_and_blend_decide_the_order(weights: tuple[float, ...], blend: float, order: list[int]) -> None:
    scores = final_scores(PROBABILITIES, RETRIEVAL, task_weights=np.array(weights), blend=blend)
    assert np.argsort(-scores).tolist() == order
