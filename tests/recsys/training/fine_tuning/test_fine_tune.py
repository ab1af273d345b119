from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from recsys.training.fine_tuning import fine_tune as module
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.fine_tune import FineTuned, enough, fine_tune
from recsys.training.fine_tuning.heads import Heads
from recsys.training.fine_tuning.learner import Learner, Schedule
from recsys.training.fine_tuning.sides import FixedSide, PhotoSide, TextSide, fixed
from tests.support.paired_shop import SETTINGS, paired_items, photo_side, text_side

CPU = torch.device("cpu")


@pytest.fixture
def short_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_EPOCHS", 1)


def tune(folder: Path, *, blind: bool = False, **more: Any) -> tuple[FineTuned, PhotoSide, TextSide]:
    items, config = paired_items(), FineTuneConfig(**{**SETTINGS, **more})
    (folder / "scratch").mkdir(parents=True, exist_ok=True)
    photos, texts = photo_side(items, config), text_side(items, config, folder / "text", blind=blind)
    return fine_tune(items, photos, texts, config, device=CPU, scratch=folder / "scratch"), photos, texts


def learner(folder: Path, config: FineTuneConfig) -> Learner:
    """Heads over encoders that stand still: nothing is left to chance but the order."""
    items = paired_items()
    sides = photo_side(items, config), text_side(items, config, folder)
    photos, texts = (fixed(side, chunk=16, dtype=torch.float32, device=CPU) for side in sides)
    torch.manual_seed(3)
    return Learner(items, photos, texts, Heads(image_dim=photos.vectors.shape[1], text_dim=16), config, device=CPU)


def weights_after(folder: Path, **more: Any) -> dict[str, torch.Tensor]:
    config = FineTuneConfig(**{**SETTINGS, "batch": 40, "chunk": 200, **more})
    one = learner(folder, config)
    one.learn(Schedule(epochs=1, patience=1, rates=[(one.parts, 1e-3)]), checkpoint=folder / "state.pt")
    state = torch.load(folder / "state.pt", weights_only=True)["parts"]
    return {name: values for name, values in state.items() if values.is_floating_point()}


def test_an_encoder_learns_to_tell_apart_what_it_could_not(tmp_path: Path) -> None:
    tuned, _, _ = tune(tmp_path, blind=True, text="full", epochs=8, patience=8, learning_rate=1e-2)
    assert set(tuned.before) == {f"{pair}@{k}" for pair in ("image_to_text", "text_to_image", "co_click") for k in (1, 5, 10)}
    assert tuned.epoch > 0
    assert tuned.before["image_to_text@5"] < 0.7
    assert tuned.after["image_to_text@5"] > 0.9  # 12 are held out, a quarter of them of one look


@pytest.mark.usefixtures("short_first_step")
@pytest.mark.parametrize("part", ["last_layers", "lora"])
def test_what_is_frozen_keeps_its_weights_and_what_learns_does_not(tmp_path: Path, part: Any) -> None:
    items, config = paired_items(), FineTuneConfig(**SETTINGS)
    before = text_side(items, config, tmp_path / "as it came").model.state_dict()
    tuned, photos, texts = tune(tmp_path, text=part, epochs=4, patience=4)
    untouched = photo_side(items, config).state_dict()
    assert all(torch.equal(values, untouched[name]) for name, values in photos.state_dict().items())
    after = texts.model.state_dict()
    assert after.keys() == before.keys()
    assert tuned.epoch > 0
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("encoder.layer.1") for name in changed)
    assert "embeddings.word_embeddings.weight" not in changed


@pytest.mark.usefixtures("short_first_step")
def test_encoders_that_get_no_better_stay_as_they_came(tmp_path: Path) -> None:
    tuned, photos, _ = tune(tmp_path, image="full", epochs=2, learning_rate=10.0)
    assert tuned.epoch == 0
    assert tuned.after == tuned.before
    untouched = photo_side(paired_items(), FineTuneConfig()).state_dict()
    assert all(torch.equal(values, untouched[name]) for name, values in photos.state_dict().items())


@pytest.mark.usefixtures("short_first_step")
def test_training_stops_when_held_out_pairs_find_each_other_no_better(tmp_path: Path) -> None:
    tuned, _, _ = tune(tmp_path, image="full", epochs=9, patience=2, learning_rate=10.0)
    assert len(tuned.losses) == 2


def test_chunks_change_nothing_but_memory(tmp_path: Path) -> None:
    whole, chunked, small = (
        weights_after(tmp_path / name, **more) for name, more in (("a", {}), ("b", {"chunk": 16}), ("c", {"batch": 16}))
    )
    apart = [
        float(torch.stack([(values - other[name]).abs().mean() for name, values in whole.items()]).mean()) for other in (chunked, small)
    ]
    assert apart[0] < 0.1 * apart[1]


def test_accumulated_batches_make_fewer_steps(tmp_path: Path) -> None:
    config = FineTuneConfig(**{**SETTINGS, "accumulate": 3})
    one, steps = learner(tmp_path, config), []
    one.learn(Schedule(epochs=1, patience=1, rates=[(one.parts, 1e-3)]), checkpoint=tmp_path / "s.pt", on_step=lambda: steps.append(1))
    state = torch.load(tmp_path / "s.pt", weights_only=True)
    assert len(steps) == 3  # 36 items to learn from, 12 a batch
    assert state["slope"]["last_epoch"] == 1


def test_without_photos_texts_learn_from_clicks_alone(tmp_path: Path) -> None:
    items, config = paired_items(without_photo=48), FineTuneConfig(**{**SETTINGS, "text": "full", "epochs": 2})
    nothing = FixedSide(items.has_photo, torch.zeros(48, 1))
    tuned = fine_tune(items, nothing, text_side(items, config, tmp_path), config, device=CPU, scratch=tmp_path)
    assert set(tuned.after) == {"co_click@1", "co_click@5", "co_click@10"}


@pytest.mark.usefixtures("short_first_step")
def test_without_weight_clicks_are_not_looked_at(tmp_path: Path) -> None:
    tuned, _, _ = tune(tmp_path, image="full", epochs=1, co_click_weight=0.0)
    assert set(tuned.before) == {f"{pair}@{k}" for pair in ("image_to_text", "text_to_image") for k in (1, 5, 10)}


def test_too_few_pairs_are_not_enough() -> None:
    config = FineTuneConfig(min_pairs=60)
    items = paired_items()  # 36 photos with a text to learn from, and the pairs of clicks among them
    assert enough(items, config)
    assert not enough(items, replace(config, co_click_weight=0.0))
    assert not enough(items, replace(config, min_pairs=1000))


@pytest.mark.usefixtures("short_first_step")
def test_bf16_learns_like_fp32(tmp_path: Path) -> None:
    exact, _, _ = tune(tmp_path / "a", text="full", epochs=1)
    short, _, texts = tune(tmp_path / "b", text="full", epochs=1, precision="bf16")
    assert short.losses[0] == pytest.approx(exact.losses[0], rel=0.2)
    assert all(values.dtype == torch.float32 for values in texts.model.parameters())


class KilledError(Exception):
    pass


@pytest.mark.usefixtures("short_first_step")
def test_killed_between_epochs_it_resumes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"image": "lora", "text": "lora", "epochs": 2, "patience": 3}
    undisturbed, _, first = tune(tmp_path / "a", **settings)
    steps = iter(range(100))

    def die() -> None:
        if next(steps) == 4:  # in the second epoch of three batches
            raise KilledError

    items, config = paired_items(), FineTuneConfig(**{**SETTINGS, **settings})
    (tmp_path / "b/scratch").mkdir(parents=True)
    with pytest.raises(KilledError):
        fine_tune(
            items,
            photo_side(items, config),
            text_side(items, config, tmp_path / "b/text"),
            config,
            device=CPU,
            scratch=tmp_path / "b/scratch",
            on_step=die,
        )
    assert (tmp_path / "b/scratch" / module.CHECKPOINT).exists()
    resumed, _, second = tune(tmp_path / "b", **settings)
    assert resumed == undisturbed
    assert all(torch.equal(values, second.state_dict()[name]) for name, values in first.state_dict().items())
