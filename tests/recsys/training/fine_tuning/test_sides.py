from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.sides import drop_tokens, fixed, jitter_colour, shuffled
from tests.support.paired_shop import paired_items, photo_side, text_side


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_tokenizers_own_marks_are_never_left_out() -> None:
    left = drop_tokens([1, *range(10, 60), 2], 0.5, keep=frozenset({1, 2}), generator=chance())
    assert (left[0], left[-1]) == (1, 2)
    assert 10 < len(left) - 2 < 40


def test_a_text_of_which_nothing_would_stay_stays_whole() -> None:
    assert drop_tokens([1, 7, 2], 0.999999, keep=frozenset({1, 2}), generator=chance()) == [1, 7, 2]


def test_shuffling_keeps_every_field() -> None:
    orders = {tuple(shuffled(["title", "about", "colour"], generator=chance(seed))) for seed in range(20)}
    assert len(orders) > 3
    assert {frozenset(order) for order in orders} == {frozenset({"title", "about", "colour"})}


def test_colours_change_by_no_more_than_was_said_and_grey_stays_grey() -> None:
    red = torch.tensor([200.0, 80.0, 80.0]).view(1, 3, 1, 1).expand(50, 3, 2, 2)
    changed = jitter_colour(red, 0.1, generator=chance())
    spread = changed[:, 0] - changed[:, 1]  # 120 before
    assert 120 * 0.9 - 1e-3 <= float(spread.min()) < 115
    assert 125 < float(spread.max()) <= 120 * 1.1 + 1e-3
    grey = torch.full((3, 3, 2, 2), 90.0)
    torch.testing.assert_close(jitter_colour(grey, 0.5, generator=chance()), grey)


def test_texts_read_as_they_are_are_the_same_each_time_and_by_chance_another(tmp_path: Path) -> None:
    items, config = paired_items(), FineTuneConfig(token_dropout=0.3)
    side, rows, generator = text_side(items, config, tmp_path), np.arange(12), chance()
    assert torch.equal(side.draw(rows)[0], side.draw(rows)[0])
    first, second = side.draw(rows, generator=generator), side.draw(rows, generator=generator)
    assert first[0].shape != second[0].shape or not torch.equal(first[0], second[0])


def test_photos_read_as_they_are_are_the_same_each_time_and_by_chance_another() -> None:
    side, rows, generator = photo_side(paired_items(), FineTuneConfig()), np.arange(3), chance()
    assert torch.equal(side.draw(rows)[0], side.draw(rows)[0])
    assert not torch.equal(side.draw(rows, generator=generator)[0], side.draw(rows, generator=generator)[0])


def test_fixed_vectors_are_those_of_the_encoder(tmp_path: Path) -> None:
    items = paired_items(without_text=2)
    side = text_side(items, FineTuneConfig(), tmp_path)
    still = fixed(side, chunk=7, dtype=torch.float32, device=torch.device("cpu"))
    (vectors,) = still.draw(np.array([3, 0]))
    with torch.no_grad():
        torch.testing.assert_close(vectors, side(*side.draw(np.array([3, 0]))), rtol=1e-4, atol=1e-5)
    assert not still.vectors[-2:].any()


@pytest.mark.parametrize(("key", "value"), [("batch", 1), ("chunk", 0), ("token_dropout", 1.0), ("held_out_share", 0.0), ("lora_rank", 0)])
def test_settings_that_cannot_work_are_named(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        replace(FineTuneConfig(), **{key: value})
