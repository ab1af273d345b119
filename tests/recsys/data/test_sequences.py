from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.excerpt import Excerpt
from recsys.data.relevance import Kind
from recsys.data.sequences import Sequences, read_histories
from tests.support.behaviour import interactions_of, random_interactions


def _sequences(interactions, **changes) -> Sequences:  # type: ignore[no-untyped-def]
    settings = {"length": 4, "order": "free", "context_weight": 1.0, "half_life_days": 0.0, "tokens_per_batch": 12, "seed": 0}
    return Sequences(interactions, **(settings | {"attributes": {}} | changes))


@given(seed=st.integers(0, 1000), order=st.sampled_from(["free", "time", "both"]), epoch=st.integers(0, 3))
def test_an_epoch_deals_out_every_distinct_event_once(seed: int, order: str, epoch: int) -> None:
    interactions = random_interactions(seed, num_users=7, num_items=9, num_events=40)
    dealt: Counter[int] = Counter()
    for batch in _sequences(interactions, order=order).epoch(epoch):
        inside = batch.kind > 0
        dealt.update(batch.item_index[inside].tolist())
        assert (np.diff(inside.astype(int), axis=1) <= 0).all()  # padding only at the end
        assert batch.kind.shape[1] <= 4
    assert dealt == Counter(interactions.distinct().item_index.tolist())


def test_epochs_of_a_number_of_events_give_every_user_a_whole_turn_before_anybody_has_a_second_one() -> None:
    interactions = random_interactions(5, num_users=60, num_items=30, num_events=600)
    events = len(interactions.distinct().item_index)
    sequences = _sequences(interactions, events_per_epoch=150)
    turns = [Counter[int]() for _ in range(5)]
    for number, turn in enumerate(turns):
        for batch in sequences.epoch(number):
            turn.update(np.repeat(batch.user_row, (batch.kind > 0).sum(axis=1)).tolist())
    parts = round(events / 150)
    assert sum(turns[:parts], Counter()) == Counter(interactions.distinct().user_row.tolist())
    assert sum(len(turn) for turn in turns[:parts]) == 60  # nobody is in two of them
    assert all(abs(turn.total() - events / parts) < 40 for turn in turns[:parts])  # two users' events
    assert turns[parts] == turns[0]


def test_a_user_with_more_events_than_an_epoch_leaves_no_epoch_without_any() -> None:
    interactions = interactions_of([("u", item, item) for item in range(40)], num_items=40)
    assert all(list(_sequences(interactions, events_per_epoch=10).epoch(number)) for number in range(4))


def test_the_same_epoch_is_the_same_and_another_is_another() -> None:
    interactions = random_interactions(3, num_users=20, num_items=30, num_events=200)
    first, again, other = ([batch.item_index.tobytes() for batch in _sequences(interactions).epoch(number)] for number in (1, 1, 2))
    assert first == again
    assert first != other


def test_order_by_time_keeps_the_order_of_each_user() -> None:
    interactions = interactions_of([("u", item, item) for item in range(10)], num_items=10)
    for batch in _sequences(interactions, order="time").epoch(0):
        for row, kind in zip(batch.item_index, batch.kind, strict=True):
            assert (np.diff(row[kind > 0]) == 1).all()


def test_free_order_mixes_each_user() -> None:
    interactions = interactions_of([("u", item, item) for item in range(40)], num_items=40)
    (batch,) = _sequences(interactions, length=40).epoch(0)
    assert sorted(batch.item_index[0]) == list(range(40))
    assert batch.item_index[0].tolist() != list(range(40))


def test_half_of_the_histories_keep_their_order_and_say_so() -> None:
    interactions = interactions_of([(f"u{user:03}", item, item) for user in range(200) for item in range(6)], num_items=6)
    kept = []
    for batch in _sequences(interactions, order="both", length=6, tokens_per_batch=1200).epoch(0):
        ordered = (np.diff(batch.item_index, axis=1) == 1).all(axis=1)
        assert (batch.in_order == ordered).mean() > 0.99  # one of 720 shuffles is sorted by chance
        kept += batch.in_order.tolist()
    assert 70 < sum(kept) < 130  # of 200, within four standard deviations of 100


def test_a_target_as_old_as_the_half_life_counts_half() -> None:
    interactions = interactions_of([("u", 0, 0), ("u", 1, 10)], num_items=2)
    (batch,) = _sequences(interactions, order="time", half_life_days=10.0).epoch(0)
    np.testing.assert_allclose(batch.loss_weight[0], [0.5, 1.0])


def test_an_event_that_was_not_wanted_has_the_context_weight() -> None:
    interactions = interactions_of([("u", 0, 0, Kind.DISLIKED), ("u", 1, 1)], num_items=2)
    (batch,) = _sequences(interactions, order="time", context_weight=0.3).epoch(0)
    np.testing.assert_allclose(batch.loss_weight[0], [0.3, 1.0])
    assert batch.wanted[0].tolist() == [False, True]


def test_the_weight_of_a_target_is_that_of_the_event_it_names() -> None:
    interactions = interactions_of([("u", item, item) for item in range(5)], num_items=5)
    (batch,) = _sequences(interactions, length=5, order="time", half_life_days=1.0, next_events=0).epoch(0)
    assert batch.target[0].tolist() != list(range(5))
    np.testing.assert_allclose(batch.target_weight[0], 0.5 ** (4.0 - batch.target[0]))


def test_what_is_named_is_drawn_anew_each_epoch_and_the_same_again_in_the_same_one() -> None:
    interactions = interactions_of([("u", item, item) for item in range(40)], num_items=40)
    sequences = _sequences(interactions, length=40, order="time", next_events=3)
    first, again, other = (next(iter(sequences.epoch(number))).target.tolist() for number in (0, 0, 1))
    assert first == again
    assert first != other


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="order 'random' is unknown; it is one of free, time, both"):
        _sequences(interactions_of([("u", 0, 0)], num_items=1), order="random")


def test_newest_events_are_read_oldest_first_with_ages_from_the_newest() -> None:
    past = interactions_of([("u", item, item) for item in range(5)] + [("v", 3, 1)], num_items=5)
    histories = read_histories(past, np.array([0, 1, -1]), Excerpt(3), attributes={})
    assert histories.item_index.tolist() == [[2, 3, 4], [3, 0, 0], [0, 0, 0]]
    assert (histories.kind > 0).tolist() == [[True] * 3, [True, False, False], [False] * 3]
    np.testing.assert_allclose(histories.age_days, [[2, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_a_long_history_is_read_back_to_its_oldest_event_and_ages_count_from_its_newest_event() -> None:
    past = interactions_of([("u", item, item) for item in range(8)] + [("v", 3, 1)], num_items=8)
    histories = read_histories(past, np.array([0, 1]), Excerpt(5, older=True), attributes={})
    assert histories.item_index.tolist() == [[0, 4, 5, 6, 7], [3, 0, 0, 0, 0]]
    np.testing.assert_allclose(histories.age_days, [[7, 3, 2, 1, 0], [0, 0, 0, 0, 0]])
    assert histories.whole.item_index.tolist() == [*range(8), 3]


def test_nobody_at_all_is_one_column_of_padding() -> None:
    past = interactions_of([], num_items=5)
    assert read_histories(past, np.array([-1, -1]), Excerpt(3), attributes={}).kind.tolist() == [[0], [0]]
