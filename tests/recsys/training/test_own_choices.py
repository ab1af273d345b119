"""Which candidates a user has chosen, and in answer to what."""

import torch

from recsys.training.own_choices import own_choices


def test_what_was_wanted_masks_all_and_what_was_not_masks_only_the_question_for_any_event() -> None:
    piece, chosen, wanted = torch.tensor([0, 0, 1]), torch.tensor([2, 0, 1]), torch.tensor([True, False, True])
    found = own_choices(piece, chosen, wanted, pieces=2, candidates=4)
    assert found.int().tolist() == [[[1, 0, 1, 0], [0, 0, 1, 0]], [[0, 1, 0, 0], [0, 1, 0, 0]]]


def test_where_nothing_was_chosen_nothing_is_answered() -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    assert not own_choices(nothing, nothing, nothing.bool(), pieces=2, candidates=4).any()
