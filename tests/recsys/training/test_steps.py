"""One step: what it learns from, in which numbers, and what it does when these run over."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from recsys.data.offers import offered_from
from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import item_batch
from recsys.models.architecture import build_towers
from recsys.models.two_tower import QUESTIONS, TwoTower
from recsys.training.config import RetrieverConfig
from recsys.training.ema import MovingAverage
from recsys.training.inputs import known_items, tower_shape, training_sequences
from recsys.training.perturbation import worst_shift
from recsys.training.ranks import ALONE
from recsys.training.scoring import Scoring
from recsys.training.steps import Steps
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_interactions, taste_items

PLAIN = replace(SMALL, cold_every=0, gradient_clip=1e9, order="time")
LONG_TABLE = {"full_softmax_items": 1, "uniform_negatives": 200}
"""So many draws that every item is a candidate."""


@dataclass
class Fresh:
    """An untrained model and all that moves it."""

    model: TwoTower
    average: MovingAverage[TwoTower]
    scoring: Scoring
    steps: Steps
    batch: SequenceBatch


def fresh(config: RetrieverConfig) -> Fresh:
    torch.manual_seed(0)
    items, past = taste_items(), taste_interactions()
    model = build_towers(tower_shape(items, config))
    model.item_tower.fit_whitening(items)
    prepared = model.item_tower.prepare(item_batch(items, has_id=known_items(past, config), modalities=config.modalities))
    average = MovingAverage(model, decay=0.9)
    scoring = Scoring(model, prepared, past, offered_from(items, past), config, ALONE, settle=lambda _read: None)
    apart = [] if config.full_softmax_items > NUM_ITEMS else list(model.item_tower.ids.parameters())
    steps = Steps(model, average, scoring, alignment=None, apart=apart, config=config, ranks=ALONE)
    return Fresh(model, average, scoring, steps, next(training_sequences(past, config).epoch(0)))


def moved_after_a_step(config: RetrieverConfig) -> Tensor:
    """How far the rows of the id table go in one step."""
    world = fresh(config)
    before = world.model.item_tower.ids.weight.detach().clone()
    world.steps.step([world.batch], progress=0.0)
    return world.model.item_tower.ids.weight.detach() - before


def worst_table(table: Tensor, loss_gradient: Tensor, radius: float) -> Tensor:
    """Each item a share of its length along its gradient; biases stay."""
    vectors, slope = table[:, :-QUESTIONS], loss_gradient[:, :-QUESTIONS]
    moved = vectors + radius * vectors.norm(dim=1, keepdim=True) * slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return torch.cat([moved, table[:, -QUESTIONS:]], dim=1)


def test_a_step_with_adversarial_learns_from_the_loss_where_items_lie_in_their_worst_direction_too() -> None:
    config = replace(PLAIN, adversarial=0.2, adversarial_weight=0.7)
    stepped, written_out = fresh(config), fresh(config)
    stepped.steps.step([stepped.batch], progress=0.0)

    scored = written_out.scoring.score(written_out.batch)
    table = scored.table.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(scored.loss(scored.users.detach(), table), table)
    shift = worst_table(scored.table.detach(), gradient, 0.2) - scored.table.detach()
    (scored.loss(scored.users, scored.table) + 0.7 * scored.loss(scored.users, scored.table + shift)).backward()

    expected = written_out.model.user_tower.start.weight.grad
    torch.testing.assert_close(stepped.model.user_tower.start.weight.grad, expected)
    clean = fresh(PLAIN)
    clean.steps.step([clean.batch], progress=0.0)
    assert not torch.allclose(clean.model.user_tower.start.weight.grad, expected, rtol=0.05)


def test_the_adversarial_loss_is_above_the_clean_one_and_grows_with_the_radius() -> None:
    world = fresh(PLAIN)
    scored = world.scoring.score(world.batch)
    users, table = scored.users.detach(), scored.table.detach()

    def at(radius: float) -> float:
        shift = worst_shift(lambda moved: scored.loss(users, moved), table, length=radius, total=lambda gradient: gradient)
        return float(scored.loss(users, table + shift))

    losses = [at(radius) for radius in (0.0, 0.05, 0.1, 0.2, 0.4)]
    assert losses[0] == float(scored.loss(users, table))
    assert all(nearer < further for nearer, further in pairwise(losses))


@pytest.mark.parametrize(("precision", "expected"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_the_towers_multiply_in_the_format_that_was_asked_for_and_the_softmax_in_fp32(precision: Any, expected: torch.dtype) -> None:
    world = fresh(replace(PLAIN, precision=precision))
    seen: list[torch.dtype] = []
    for layer in (world.model.user_tower.blocks[0].widen, world.model.item_tower.content["text"]):
        layer.register_forward_hook(lambda _layer, _read, out: seen.append(out.dtype))
    scored = world.scoring.score(world.batch)
    assert seen == [expected] * 2
    assert {scored.users.dtype, scored.table.dtype, scored.loss(scored.users, scored.table).dtype} == {torch.float32}


@pytest.mark.parametrize("table", [{}, LONG_TABLE], ids=["plain", "long"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_step_in_a_short_format_goes_where_one_in_fp32_goes_but_not_exactly(precision: Any, table: dict[str, Any]) -> None:
    exact, short = (moved_after_a_step(replace(PLAIN, precision=name, **table)).flatten() for name in ("fp32", precision))
    assert torch.nn.functional.cosine_similarity(exact, short, dim=0) > 0.95
    assert not torch.equal(exact, short)
    assert short.norm().item() == pytest.approx(exact.norm().item(), rel=0.05)


@pytest.mark.parametrize("table", [{}, LONG_TABLE], ids=["plain", "long"])
def test_in_fp16_a_step_whose_gradients_overflow_moves_nothing_and_is_counted_until_the_scale_fits(table: dict[str, Any]) -> None:
    world = fresh(replace(PLAIN, precision="fp16", **table))
    world.steps.scaler.load_state_dict(world.steps.scaler.state_dict() | {"scale": 2.0**40})
    before = {name: values.clone() for name, values in world.model.state_dict().items()}
    world.steps.step([world.batch], progress=0.0)
    assert (world.steps.skipped, world.steps.scaler.get_scale(), world.average.steps) == (1, 2.0**39, 0)
    assert all(torch.equal(before[name], values) for name, values in world.model.state_dict().items())
    while world.average.steps == 0:
        world.steps.step([world.batch], progress=0.0)
    assert 1 < world.steps.skipped < 40
    assert all(bool(values.isfinite().all()) for values in world.model.state_dict().values())


def test_only_fp16_scales() -> None:
    scales = [fresh(replace(PLAIN, precision=precision)).steps.scaler.is_enabled() for precision in ("fp32", "bf16", "auto", "fp16")]
    assert scales == [False, False, False, True]


def test_what_optimizers_remember_is_of_the_loss_and_not_of_the_scaled_one() -> None:
    remembered = []
    for precision in ("fp32", "fp16"):
        world = fresh(replace(PLAIN, precision=precision, **LONG_TABLE))
        world.steps.step([world.batch], progress=0.0)
        (rows,) = world.model.item_tower.ids.optimizer_state().values()
        remembered.append((world.steps.optimizer.state[world.model.user_tower.start.weight]["exp_avg"].norm().item(), rows.norm().item()))
    assert remembered[1] == pytest.approx(remembered[0], rel=0.05)
