import numpy as np

from recsys.training.reading import choose_reading


def _judge_of(levels: dict[float, float], spread: float):  # type: ignore[no-untyped-def]
    """A hundred users whose recall lies around a level that depends on the question, each question with deviations of its own."""
    noise = np.random.default_rng(0).normal(size=(len(levels), 100)) * spread

    def judge(share: float) -> dict[str, np.ndarray]:
        values = levels[share] + noise[list(levels).index(share)]
        return {"recall@100": values, "ndcg@10": values}

    return judge


def test_the_better_question_is_asked() -> None:
    assert choose_reading(_judge_of({0.0: 0.5, 0.5: 0.3, 1.0: 0.1}, 0.01)) == 0.0
    assert choose_reading(_judge_of({0.0: 0.1, 0.5: 0.3, 1.0: 0.5}, 0.01)) == 1.0


def test_of_questions_that_cannot_be_told_apart_the_mean_of_both_answers_is_taken() -> None:
    assert choose_reading(_judge_of({0.0: 0.3, 0.5: 0.3, 1.0: 0.302}, 0.2)) == 0.5
