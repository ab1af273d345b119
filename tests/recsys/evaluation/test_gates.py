import numpy as np

from recsys.evaluation.config import GateConfig
from recsys.evaluation.gates import Claim, Gate, PerUser, check_gates, slice_column
from recsys.evaluation.slices import NEW_ITEMS, NO_IMAGE

USERS = 200
NOISE = np.random.default_rng(0).normal(0, 0.02, USERS)


def values(ndcg: float, *, new_items: float = 0.2, no_image: float = 0.3) -> PerUser:
    constant = {slice_column(NEW_ITEMS): np.full(USERS, new_items), slice_column(NO_IMAGE): np.full(USERS, no_image)}
    return {"ndcg@10": ndcg + NOISE, **constant}


def answers(challenger: PerUser, *, champion: PerUser | None = None, index_recall: float = 0.99, **config: float | bool) -> dict[str, Gate]:
    judged = {"slate": challenger, "popularity": {"ndcg@10": 0.1 - NOISE}, "item_knn": {"ndcg@10": 0.2 - NOISE}}
    gates = check_gates(
        judged,
        claims=[Claim("slate", "ndcg@10")],
        champion=None if champion is None else {"slate": champion},
        index_recall=index_recall,
        config=GateConfig(**config),  # type: ignore[arg-type]
        resamples=500,
        seed=0,
    )
    return {gate.name: gate for gate in gates}


def test_a_clear_lead_passes_every_gate() -> None:
    assert all(gate.passed for gate in answers(values(0.3)).values())


def test_a_lead_that_may_be_chance_is_no_lead() -> None:
    gate = answers(values(0.2001))["slate beats item_knn"]
    assert not gate.passed
    assert "after Holm over 2" in gate.message


def test_losing_to_a_baseline_says_to_which_and_by_how_much() -> None:
    gate = answers(values(0.15))["slate beats item_knn"]
    assert not gate.passed
    assert gate.found < -0.04
    assert "slate - item_knn in ndcg@10: -0.0" in gate.message


def test_a_gate_that_is_not_asked_for_is_not_there() -> None:
    assert "slate beats item_knn" not in answers(values(0.3), beats_item_knn=False)


def test_being_level_with_the_champion_passes() -> None:
    assert answers(values(0.3), champion=values(0.3))["slate keeps up with the champion"].passed


def test_losing_to_the_champion_beyond_doubt_is_refused() -> None:
    gate = answers(values(0.3), champion=values(0.31))["slate keeps up with the champion"]
    assert not gate.passed
    assert "0.0100 too much" in gate.message


def test_a_loss_within_the_budget_passes() -> None:
    assert answers(values(0.3), champion=values(0.31), max_loss_to_champion=0.02)["slate keeps up with the champion"].passed


def test_new_items_and_missing_photos_have_their_own_budgets() -> None:
    gates = answers(values(0.3, new_items=0.15, no_image=0.29), champion=values(0.3))
    assert not gates["slate keeps new items"].passed  # loses 0.05, 0.02 allowed
    assert gates["slate keeps items without photo"].passed  # loses 0.01


def test_without_a_champion_the_gate_passes_and_says_why() -> None:
    gate = answers(values(0.3))["slate keeps new items"]
    assert gate.passed
    assert np.isnan(gate.found)
    assert "no champion" in gate.message


def test_a_slice_nobody_fell_into_passes_and_says_why() -> None:
    empty = values(0.3, new_items=float("nan"))
    gate = answers(empty, champion=empty)["slate keeps new items"]
    assert gate.passed
    assert "nobody chose such an item" in gate.message


def test_an_index_that_loses_too_much_is_refused() -> None:
    gate = answers(values(0.3), index_recall=0.9)["index recall"]
    assert not gate.passed
    assert "0.0500 too little" in gate.message
