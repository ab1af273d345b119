"""What every fusion must do, whatever its kind."""

from collections.abc import Callable, Mapping
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor, nn

from recsys.layers.fusion import FUSIONS
from recsys.training.config import RetrieverConfig

DIM, MODALITIES = 8, 3
ALL = torch.ones(5, MODALITIES, dtype=torch.bool)
SOME = torch.tensor([[True, True, True], [True, False, True], [True, True, False], [True, False, False], [True, True, True]])
SWAPPED = [0, 2, 1]
SWAPPED_BLOCKS = [0, 1, 2, 3, 6, 7, 4, 5]
"""Of a late ensemble: 8 coordinates for 3 tokens, of which the id's has 4."""

OF_A_MODALITY: Mapping[str, Mapping[str, Callable[[Tensor], Tensor]]] = {
    "attention": {"modality_scores": lambda value: value[SWAPPED]},
    "concatenation": {"mix.weight": lambda value: value.unflatten(1, (MODALITIES, DIM))[:, SWAPPED].flatten(1)},
    "gated": {"gates": lambda value: value.flip(0)},
    "late_ensemble": {"logits": lambda value: value[SWAPPED], "narrow": lambda value: value[SWAPPED_BLOCKS]},
    "max_pooling": {},
    "mean_pooling": {},
    "transformer": {"modalities": lambda value: value[SWAPPED]},
    "weighted": {"logits": lambda value: value[SWAPPED]},
}
"""kind -> its parameters that belong to modalities, and how they look when the two content modalities change places."""


def build(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return FUSIONS[kind](DIM, MODALITIES, heads=2)


@pytest.fixture(params=sorted(FUSIONS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fusion(kind: str) -> nn.Module:
    return build(kind)


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(5, MODALITIES, DIM, generator=torch.Generator().manual_seed(1))


def test_each_item_becomes_one_vector_and_so_does_a_lonely_one(fusion: nn.Module, tokens: Tensor) -> None:
    assert fusion(tokens, SOME).shape == (5, DIM)
    assert fusion(tokens[:1], SOME[:1]).shape == (1, DIM)


def test_an_item_of_which_only_the_id_is_there_has_a_finite_vector_and_gradient(fusion: nn.Module, tokens: Tensor) -> None:
    fused = fusion(tokens.requires_grad_(), torch.tensor([[True, False, False]]).expand(5, -1))
    fused.square().sum().backward()
    assert fused.isfinite().all()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in (tokens, *fusion.parameters()))


@pytest.mark.parametrize("kind", sorted(set(FUSIONS) - {"attention"}))  # it reads the token that stands for what is absent
def test_what_lies_in_the_slot_of_an_absent_modality_changes_nothing(kind: str, tokens: Tensor) -> None:
    fusion, other = build(kind), tokens.masked_fill(~SOME[:, :, None], 100)
    torch.testing.assert_close(fusion(other, SOME), fusion(tokens, SOME), rtol=0, atol=0)


def test_attention_reads_the_token_of_an_absent_modality(tokens: Tensor) -> None:
    fusion = build("attention")
    torch.testing.assert_close(fusion(tokens, SOME), fusion(tokens, ALL), rtol=0, atol=0)


@pytest.mark.parametrize("kind", sorted(set(FUSIONS) - {"late_ensemble"}))  # where what tokens say lies side by side
def test_an_item_starts_out_as_its_id(kind: str, tokens: Tensor) -> None:
    small = 0.05 * tokens  # as large as fresh rows of the id table
    alike = torch.cosine_similarity(build(kind)(small, SOME)[:, None], small, dim=2)  # (items, modalities)
    assert alike[:, 0].min() > 0.85
    assert alike[:, 0].min() > alike[:, 1:].max()


def test_every_modality_that_is_there_gets_a_gradient(fusion: nn.Module) -> None:
    tokens = torch.randn(5, MODALITIES, DIM, generator=torch.Generator().manual_seed(1), requires_grad=True)
    fusion(tokens, SOME).square().sum().backward()
    assert tokens.grad is not None
    assert (tokens.grad.abs().sum(dim=2) > 0)[SOME].all()


def test_every_parameter_gets_a_gradient(fusion: nn.Module, tokens: Tensor) -> None:
    fusion(tokens, SOME).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in fusion.parameters())


def test_an_item_does_not_depend_on_its_companions(fusion: nn.Module, tokens: Tensor) -> None:
    torch.testing.assert_close(fusion(tokens, SOME)[2:3], fusion(tokens[2:3], SOME[2:3]))


def test_content_may_change_places_along_with_what_was_learned_of_it(kind: str, tokens: Tensor) -> None:
    fusion, other = build(kind), build(kind)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(torch.randn_like(parameter))
    learned = fusion.state_dict()
    other.load_state_dict(learned | {name: swap(learned[name]) for name, swap in OF_A_MODALITY[kind].items()})
    places = SWAPPED_BLOCKS if kind == "late_ensemble" else slice(None)
    torch.testing.assert_close(other(tokens[:, SWAPPED], SOME[:, SWAPPED])[:, places], fusion(tokens, SOME))


def test_an_item_may_have_no_content_at_all(kind: str) -> None:
    ids = torch.randn(4, 1, DIM)
    fused = FUSIONS[kind](DIM, 1, heads=2)(ids, torch.ones(4, 1, dtype=torch.bool))
    assert fused.shape == (4, DIM)
    assert fused.isfinite().all()


def test_a_quarter_open_gate_lets_half_of_the_token_through() -> None:
    fusion = FUSIONS["gated"](1, 2)
    nn.init.constant_(fusion.gates, torch.tensor(0.25).logit().item())
    assert fusion(torch.tensor([[[1.0], [0.8]]]), torch.tensor([[True, True]])).item() == pytest.approx(1.4)  # 1 + 2 * 0.25 * 0.8


def test_the_share_of_an_absent_modality_goes_to_the_others() -> None:
    fusion, tokens = FUSIONS["weighted"](1, 3), torch.tensor([[[5.0], [1.0], [1.0]]])
    nn.init.zeros_(fusion.logits)
    assert fusion(tokens, torch.tensor([[True, True, True]])).item() == pytest.approx(5 + 2 / 3)
    assert fusion(tokens, torch.tensor([[True, True, False]])).item() == pytest.approx(5 + 1 / 2)


@pytest.mark.parametrize(("kind", "pooled"), [("mean_pooling", (4.0 + 1.0) / 2), ("max_pooling", 4.0)])
def test_pools_over_what_is_there(kind: str, pooled: float) -> None:
    fusion = FUSIONS[kind](1, 3)
    nn.init.ones_(fusion.scale.factors)
    fused = fusion(torch.tensor([[[1.0], [4.0], [9.0]]]), torch.tensor([[True, True, False]]))
    assert fused.item() == pytest.approx(1 + pooled)


def late_ensemble_of_two() -> nn.Module:
    """Of a token it keeps the coordinate that is the token's own; both count alike."""
    fusion = FUSIONS["late_ensemble"](2, 2)
    nn.init.eye_(fusion.narrow)
    nn.init.zeros_(fusion.logits)
    return fusion


def test_the_dot_product_of_late_ensembles_is_the_weighted_sum_of_the_scores_of_each_modality() -> None:
    first, second = late_ensemble_of_two()(torch.tensor([[[3.0, 9.0], [9.0, 4.0]], [[5.0, 9.0], [9.0, 7.0]]]), ALL[:2, :2])
    assert (first @ second).item() == pytest.approx((3 * 5 + 4 * 7) / 2)


def test_the_weight_of_an_absent_modality_goes_to_the_others_of_a_late_ensemble() -> None:
    fused = late_ensemble_of_two()(torch.tensor([[[3.0, 9.0], [9.0, 4.0]]]), torch.tensor([[True, False]]))
    torch.testing.assert_close(fused, torch.tensor([[3.0, 0.0]]))


def test_a_late_ensemble_starts_out_as_its_id(tokens: Tensor) -> None:
    fusion = build("late_ensemble")
    blocks = fusion(tokens, SOME).split(fusion.sizes, dim=1)
    loudness = torch.stack([block.norm(dim=1) for block in blocks], dim=1)  # (items, modalities)
    assert (loudness[:, 0] / loudness.norm(dim=1)).min() > 0.85


def test_a_late_ensemble_of_more_tokens_than_coordinates_is_refused() -> None:
    with pytest.raises(ValueError, match=r"embedding_dim 3 is too short .* 4 in all"):
        FUSIONS["late_ensemble"](3, 4)


def test_the_config_may_name_every_kind_and_no_other() -> None:
    assert sorted(get_args(get_type_hints(RetrieverConfig)["fusion"])) == sorted(FUSIONS)
