import pytest
import torch

from recsys.training.calibration import platt_scaling


def test_what_was_too_sure_and_too_high_is_brought_back_to_how_often_it_happened() -> None:
    random = torch.Generator().manual_seed(0)
    honest = torch.randn(20_000, 1, generator=random) - 2
    labels = torch.rand(20_000, 1, generator=random) < torch.sigmoid(honest)
    scale, shift = platt_scaling(3 * honest + 5, labels)
    assert scale.item() == pytest.approx(1 / 3, rel=0.1)
    assert shift.item() == pytest.approx(-5 / 3, rel=0.1)


@pytest.mark.parametrize("happened", [True, False])
def test_a_task_of_which_nothing_can_be_told_stays_as_it_is(happened: bool) -> None:
    labels = torch.stack([torch.full((100,), happened), torch.arange(100) % 3 == 0], dim=1)
    scale, shift = platt_scaling(torch.randn(100, 2, generator=torch.Generator().manual_seed(1)), labels)
    assert (scale[0].item(), shift[0].item()) == (1.0, 0.0)
    assert torch.sigmoid(shift[1]).item() == pytest.approx(0.34, abs=0.05)


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_a_few_rows_told_apart_without_a_mistake_do_not_make_sure(size: float) -> None:
    logits = size * torch.tensor([[3.0], [2.0], [-1.0], [-2.0], [-4.0]])
    scale, shift = platt_scaling(logits, logits > 0)
    probabilities = torch.sigmoid(scale * logits + shift)
    assert probabilities[0].item() == pytest.approx(3 / 4, abs=0.1)
    assert probabilities[-1].item() == pytest.approx(1 / 5, abs=0.1)


def test_whatever_the_size_of_logits_and_however_few_the_rows_it_ends_in_numbers() -> None:
    random = torch.Generator().manual_seed(0)
    for size in (1e-4, 1e-2, 1.0, 1e4):
        for rows in (2, 5, 20, 300):
            for _ in range(10):
                labels = torch.rand(rows, 3, generator=random) < 0.3
                scale, shift = platt_scaling(size * torch.randn(rows, 3, generator=random), labels)
                assert scale.isfinite().all()
                assert (scale > 0).all()
                assert shift.isfinite().all()
