import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.training.fine_tuning.items import deal_pairs, hold_out, same_content
from tests.support.paired_shop import paired_items


def test_items_joined_by_a_photo_or_a_text_are_one_group() -> None:
    group = same_content(["a", "a", None, "b", None], ["x", "y", "y", "z", ""])
    assert group[0] == group[1] == group[2]  # 0 and 1 share a photo, 1 and 2 a text
    assert len({group[0], group[3], group[4]}) == 3


def test_a_photo_is_not_taken_for_a_text_of_the_same_name() -> None:
    assert len(set(same_content(["a", "b"], ["b", "a"]))) == 2


def test_a_group_is_held_out_as_a_whole() -> None:
    group = np.repeat(np.arange(10), 3)
    held = hold_out(group, share=0.2, seed=0)
    assert held.sum() == 6
    assert all(held[group == one].all() or not held[group == one].any() for one in range(10))


def test_a_pair_with_an_item_that_is_held_out_is_not_learned_from() -> None:
    items = paired_items(without_photo=4, without_text=4)
    assert not items.held_out[items.clicked(held_out=False)].any()
    assert items.held_out[items.clicked(held_out=True)].any(axis=1).all()
    assert len(items.clicked(held_out=False)) + len(items.clicked(held_out=True)) == len(items.co_clicks)
    described = np.concatenate([items.described(held_out=True), items.described(held_out=False)])
    assert sorted(described) == list(range(4, 44))


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(9, 16)), max_size=30), st.integers(1, 5), st.integers(1, 4))
def test_no_item_comes_twice_in_a_batch_and_no_pair_twice_at_all(pairs: list[tuple[int, int]], batch: int, batches: int) -> None:
    rows = np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)
    dealt = deal_pairs(rows, np.arange(20), batch=batch, batches=batches)
    assert len(dealt) == batches
    for part in dealt:
        assert len(part) <= batch
        assert len(np.unique(part)) == part.size
    everything = [tuple(pair) for part in dealt for pair in part.tolist()]
    assert len(set(everything)) == len(everything)
    assert set(everything) <= set(pairs)


def test_a_pair_that_does_not_fit_waits_for_the_next_batch() -> None:
    first, second = deal_pairs(np.array([[0, 1], [0, 2], [3, 4]]), np.arange(5), batch=2, batches=2)
    assert first.tolist() == [[0, 1], [3, 4]]
    assert second.tolist() == [[0, 2]]
