from pathlib import Path

import numpy as np
import pytest
import torch

from recsys.models.mmoe import Mmoe
from recsys.models.ranker import RankerShape, SavedRanker, export_ranker, load_ranker, save_ranker

SHAPE = RankerShape(feature_names=("a", "b", "c"), tasks=("click", "purchase"), num_experts=3, expert_dims=(8, 4), tower_dims=(4,))


def saved_ranker() -> SavedRanker:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SHAPE.build()
    model.standardise_by(torch.tensor([[0.0, 1.0, 5.0], [2.0, 3.0, 5.0]]))
    return SavedRanker(model=model.eval(), shape=SHAPE, task_weights=(1.0, 4.0), blend=0.25, history_length=50)


def test_two_tasks_that_contradict_each_other_are_both_learned() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Mmoe(num_features=2, num_tasks=2, num_experts=4, expert_dims=(16,), tower_dims=(), dropout=0.0)
        rows = torch.randn(256, 2)
    right = torch.stack([rows[:, 0] > 0, rows[:, 0] <= 0], dim=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(rows), right.float()).backward()
        optimizer.step()
    assert ((model(rows) > 0) == right).float().mean() > 0.95


def test_every_parameter_gets_a_gradient() -> None:
    model = saved_ranker().model
    model(torch.randn(32, 3, generator=torch.Generator().manual_seed(1))).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_constant_feature_is_left_alone() -> None:
    model = saved_ranker().model
    assert model.spread.tolist() == [1, 1, 1]  # deviations of (0, 2), (1, 3), and of a constant


def test_saves_and_loads_to_the_same_numbers(tmp_path: Path) -> None:
    saved, rows = saved_ranker(), np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    save_ranker(tmp_path, saved)
    loaded = load_ranker(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(rows), saved.probabilities(rows))
    assert (loaded.shape, loaded.blend, loaded.task_weights) == (saved.shape, 0.25, (1.0, 4.0))


@pytest.mark.filterwarnings("ignore")  # the exporter warns of its own internals
def test_the_graph_computes_what_the_model_computes(tmp_path: Path) -> None:
    assert export_ranker(saved_ranker(), tmp_path / "ranker.onnx") <= 1e-5
