"""Several ranks train what one does: the same steps, checkpoints that any number of ranks reads, and an export without ranks in it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from recsys.models import imagined_item
from recsys.models.architecture import build_towers
from recsys.training.inputs import tower_shape, training_sequences
from recsys.training.ranks import ALONE, _device
from tests.support.taste_world import SEEING, seeing_items, taste_interactions
from tests.support.trained_by_ranks import Wanted, outcome, train_here, trained_by_ranks, without_chance

pytestmark = pytest.mark.slow

SAME = 1e-5
"""Between one rank and several: sums are taken in another order."""
THREE_STEPS = {"tokens_per_batch": 120}
LONG = {"full_softmax_items": 1, "uniform_negatives": 8}
"""The id table is long enough to be sharded."""
ALIGNED = {"modalities": SEEING.modalities, "alignment": {"contrastive": 0.1}, "alignment_weights": "learned"}
STEPPED = [
    Wanted(name="whole_table", epochs=1, changes=THREE_STEPS),
    Wanted(name="row_wise", epochs=1, changes=THREE_STEPS | LONG | {"sharding": "row_wise"}),
    Wanted(name="shared_rows", epochs=1, changes=THREE_STEPS | LONG | {"sharding": "row_wise", "id_rows": 5}),
    Wanted(name="table_wise", epochs=1, changes=THREE_STEPS | LONG | {"sharding": "table_wise"}),
    Wanted(name="hidden_modalities", epochs=1, changes=THREE_STEPS | LONG | {"modality_dropout": 0.3, "learning_rate": 1e-3}),
    Wanted(
        name="hard_negatives",
        epochs=2,
        changes=LONG | {"tokens_per_batch": 300, "learning_rate": 1e-4, "hard_negatives": 2, "passed_over_negatives": 1},
    ),
    Wanted(name="remembering", epochs=1, changes=THREE_STEPS | LONG | {"memory_items": 40}),
    Wanted(name="adversarial", epochs=1, changes=THREE_STEPS | {"adversarial": 0.2, "accumulate": 2}),
    Wanted(
        name="aligned",
        epochs=1,
        changes=THREE_STEPS | ALIGNED,
    ),
    Wanted(name="one_piece_per_batch", epochs=1, changes=LONG | {"tokens_per_batch": 1, "learning_rate": 1e-4}),
]
ROWS, TABLE = LONG | {"sharding": "row_wise"}, LONG | {"sharding": "table_wise"}
CHOOSING = Wanted(name="choosing", epochs=4, changes=LONG | {"patience": 2}, validated=True)
GIVEN_UP = Wanted(name="given_up", epochs=3, changes=LONG, given_up=True)
UNDISTURBED = Wanted(name="undisturbed", epochs=4, changes=LONG | {"dropout": 0.2})
KILLED = replace(UNDISTURBED, name="killed", killed_in="epoch 3")


def _a(epochs: int) -> Wanted:
    return Wanted(name=f"a{epochs}", epochs=epochs, changes=ROWS, scratch="a")


def _b(epochs: int) -> Wanted:
    return Wanted(name=f"b{epochs}", epochs=epochs, changes=TABLE, scratch="b")


@pytest.fixture(scope="module", autouse=True)
def _without_chance() -> Iterator[None]:
    before = imagined_item.HIDDEN_DROPOUT
    without_chance()
    yield
    imagined_item.HIDDEN_DROPOUT = before


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was trained by one rank, by two, by one again and by two again; each goes on from what the one before has left."""
    folder = tmp_path_factory.mktemp("ranks")
    train_here(folder, Wanted(name="c1", epochs=1, changes=ROWS, scratch="c"))
    trained_by_ranks(folder, [_a(1)], ranks=1)
    trained_by_ranks(
        folder,
        [GIVEN_UP, *STEPPED, CHOOSING, UNDISTURBED, _a(2), _b(1), Wanted(name="c2", epochs=2, changes=ROWS, scratch="c")],
        ranks=2,
    )
    trained_by_ranks(folder, [_a(3), _b(2)], ranks=1)
    trained_by_ranks(folder, [_b(3)], ranks=2)
    return folder


def _same(mine: dict[str, Any], other: dict[str, Any]) -> None:
    """In loss, scores and weights; but what changes nothing (a key's bias) is noise, which Adam blows up to whole steps."""
    assert [entry["loss"] for entry in mine["history"]] == pytest.approx([entry["loss"] for entry in other["history"]], abs=SAME)
    torch.testing.assert_close(mine["scores"], other["scores"], atol=SAME, rtol=0)
    assert mine["weights"].keys() == other["weights"].keys()
    told = [name for name in mine["weights"] if "to_query_key_value" not in name]
    for name in told:
        torch.testing.assert_close(mine["weights"][name], other["weights"][name], atol=SAME, rtol=0)


@pytest.mark.parametrize("wanted", STEPPED, ids=lambda wanted: wanted.name)
def test_two_ranks_do_the_steps_of_one(folder: Path, tmp_path: Path, wanted: Wanted) -> None:
    _same(outcome(folder, wanted), train_here(tmp_path, wanted))


def test_those_are_three_steps() -> None:
    assert len(list(training_sequences(taste_interactions(), STEPPED[0].config).epoch(0))) == 3


@pytest.mark.parametrize("trainings", [_a, _b])
def test_one_two_and_one_rank_or_two_one_and_two_go_on_from_one_checkpoint(folder: Path, tmp_path: Path, trainings: Any) -> None:
    for epochs in (1, 2, 3):
        _same(outcome(folder, trainings(epochs)), train_here(tmp_path, replace(trainings(epochs), scratch=f"apart{epochs}")))


def test_ranks_go_on_from_a_process_without_any_and_it_from_them(folder: Path, tmp_path: Path) -> None:
    undisturbed = train_here(tmp_path, Wanted(name="c", epochs=4, changes=ROWS))
    third = train_here(folder, Wanted(name="c3", epochs=3, changes=ROWS, scratch="c"))
    assert [entry["loss"] for entry in third["history"]] == pytest.approx([entry["loss"] for entry in undisturbed["history"]][:3], abs=SAME)


def test_two_ranks_choose_the_epoch_that_one_chooses(folder: Path, tmp_path: Path) -> None:
    chosen = outcome(folder, CHOOSING)
    alone = train_here(tmp_path, CHOOSING)
    assert chosen["epochs"] == alone["epochs"] < len(chosen["history"]) == len(alone["history"])
    _same(chosen, alone)


def test_a_training_given_up_does_not_hold_the_ranks_back_from_the_next(folder: Path) -> None:
    assert (folder / "given_up.given-up").exists()
    assert outcome(folder, STEPPED[0])


def test_after_a_rank_is_killed_all_start_again_and_end_with_the_same_weights(folder: Path, tmp_path: Path) -> None:
    trained_by_ranks(tmp_path, [KILLED], ranks=2, restarts=1)
    killed, undisturbed = outcome(tmp_path, KILLED), outcome(folder, UNDISTURBED)
    assert all(torch.equal(killed["weights"][name], values) for name, values in undisturbed["weights"].items())


def test_what_two_ranks_export_is_what_one_process_loads(folder: Path) -> None:
    wanted = STEPPED[1]
    model = build_towers(tower_shape(seeing_items(), wanted.config))
    model.load_state_dict(outcome(folder, wanted)["weights"])


def test_of_few_rows_the_last_ranks_take_none() -> None:
    ranks = [replace(ALONE, number=number, size=4) for number in range(4)]
    assert [range(5)[rank.mine(5)] for rank in ranks] == [range(2), range(2, 4), range(4, 5), range(5, 5)]


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="with 1 GPUs; pass --nproc-per-node 1, or train on CPUs"):
        _device(1)
