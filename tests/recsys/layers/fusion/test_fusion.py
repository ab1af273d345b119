"""What every fusion must do, whatever its kind."""

import pytest
import torch

from recsys.layers.fusion import FUSIONS


@pytest.fixture(params=sorted(FUSIONS))
def fusion(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    return FUSIONS[request.param](8, 3, heads=2)


def test_each_item_becomes_one_vector(fusion: torch.nn.Module) -> None:
    assert fusion(torch.randn(5, 3, 8)).shape == (5, 8)


def test_every_modality_gets_a_gradient(fusion: torch.nn.Module) -> None:
    tokens = torch.randn(5, 3, 8, requires_grad=True)
    fusion(tokens).square().sum().backward()
    assert tokens.grad is not None
    assert (tokens.grad.abs().sum(dim=(0, 2)) > 0).all()


def test_every_parameter_gets_a_gradient(fusion: torch.nn.Module) -> None:
    fusion(torch.randn(5, 3, 8)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in fusion.parameters())


def test_an_item_does_not_depend_on_its_companions(fusion: torch.nn.Module) -> None:
    tokens = torch.randn(5, 3, 8)
    torch.testing.assert_close(fusion(tokens)[2:3], fusion(tokens[2:3]))
