import numpy as np
import pytest

from recsys.data.shared_rows import count_collisions, hashed_rows


def test_an_items_row_depends_on_its_id_alone() -> None:
    first, later = hashed_rows(["a", "b", "c"], rows=50), hashed_rows(["c", "new", "a"], rows=50)
    assert (first[0], first[2]) == (later[2], later[0])


def test_a_row_is_the_same_in_every_process_and_for_ever() -> None:
    """Python's own `hash` would differ; weights of a checkpoint lie where this says."""
    assert hashed_rows(["wine-1", "wine-2", "größe"], rows=1000).tolist() == [188, 232, 100]


def test_ids_that_differ_by_one_character_spread_over_all_rows() -> None:
    rows = hashed_rows([f"item-{number}" for number in range(10_000)], rows=100)
    load = np.bincount(rows, minlength=100)
    assert load.min() > 60  # 100 on average, a standard deviation is 10
    assert load.max() < 140


def test_items_in_a_row_with_others_are_counted_and_those_alone_are_not() -> None:
    found = count_collisions(np.array([0, 3, 3, 1, 3, 4, 4]), rows=6)
    assert (found.items, found.rows, found.sharing, found.greatest_load) == (7, 6, 5, 3)


def test_of_two_items_in_two_rows_one_is_expected_to_share() -> None:
    """Half of the time both fall into one row, and then both share it."""
    assert count_collisions(np.array([0, 1]), rows=2).expected_sharing == pytest.approx(1.0)


def test_what_is_expected_is_what_chance_gives() -> None:
    draws = np.random.default_rng(0).integers(0, 500, (200, 300))
    found = [count_collisions(row, rows=500) for row in draws]
    assert np.mean([one.sharing for one in found]) == pytest.approx(found[0].expected_sharing, rel=0.03)


def test_a_table_that_nobody_reads_has_no_collisions() -> None:
    found = count_collisions(np.zeros(0, np.int64), rows=4)
    assert (found.sharing, found.expected_sharing, found.greatest_load) == (0, 0.0, 0)
