from pathlib import Path

import pytest
import torch
from torch import nn

from recsys.encoders.image import new_model
from recsys.encoders.protocol import EncoderError
from recsys.encoders.text_tower import load_text_tower
from recsys.training.fine_tuning.config import TrainedPart
from recsys.training.fine_tuning.trainable import Fold, freeze_statistics, image_layers, make_trainable, text_layers
from tests.support.tiny_transformers import save_tiny


def photo_model() -> nn.Module:
    return new_model("mobilenetv3_small_050", (), seed=1)


def text_model(folder: Path, kind: str = "bert") -> nn.Module:
    return load_text_tower(str(save_tiny(folder, kind)), torch.float32, pooling="mean").model


def choose(model: nn.Module, part: TrainedPart, layers: list[list[str]]) -> Fold:
    return make_trainable(model, part, layers=layers, last_layers=1, lora_rank=2)


def learning(model: nn.Module) -> set[str]:
    return {name for name, weights in model.named_parameters() if weights.requires_grad}


def test_nothing_of_a_frozen_model_learns_and_all_of_a_full_one(tmp_path: Path) -> None:
    for model, layers in ((photo_model(), image_layers(photo_model())), (text_model(tmp_path), text_layers(text_model(tmp_path)))):
        choose(model, "frozen", layers)
        assert learning(model) == set()
        choose(model, "full", layers)
        assert learning(model) == {name for name, _ in model.named_parameters()}


def test_the_last_layer_of_a_transformer_learns_alone(tmp_path: Path) -> None:
    model = text_model(tmp_path)
    choose(model, "last_layers", text_layers(model))
    own = {name.split(".")[2] for name in learning(model) if name.startswith("encoder.layer.")}
    assert own == {"1"}
    assert not any(name.startswith("embeddings") for name in learning(model))


def test_the_norm_behind_the_layers_of_a_decoder_belongs_to_the_last(tmp_path: Path) -> None:
    model = text_model(tmp_path, "gpt2")
    choose(model, "last_layers", text_layers(model))
    assert {"ln_f.weight", "h.1.mlp.c_fc.weight"} <= learning(model)
    assert not any(name.startswith(("wte", "wpe", "h.0.")) for name in learning(model))


def test_the_layers_of_a_photo_model_hold_each_weight_once() -> None:
    layers = image_layers(photo_model())
    names = [name for layer in layers for name in layer]
    assert sorted(names) == sorted(name for name, _ in photo_model().named_parameters())
    assert layers[0][0] == "conv_stem.weight"


def test_lora_starts_at_the_model_as_it_was_and_folds_into_its_own_layers() -> None:
    model, pixels = photo_model().double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    names, before = set(model.state_dict()), model(pixels)
    fold = choose(model, "lora", image_layers(model))
    assert torch.equal(model(pixels), before)
    assert all("lora_" in name for name in learning(model))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.05)
    after = model(pixels)
    fold()
    assert not torch.allclose(after, before)
    assert set(model.state_dict()) == names
    torch.testing.assert_close(model(pixels), after)


def test_lora_changes_the_linear_layers_of_a_transformer(tmp_path: Path) -> None:
    model = text_model(tmp_path)
    choose(model, "lora", text_layers(model))
    assert {name.partition(".lora_")[0] for name in learning(model)} >= {
        "encoder.layer.0.attention.self.query",
        "encoder.layer.1.output.dense",
    }


def test_a_model_without_linear_layers_cannot_have_lora(tmp_path: Path) -> None:
    model = text_model(tmp_path, "gpt2")  # its layers are transformers' own Conv1D
    with pytest.raises(EncoderError, match=r'GPT2Model has no linear layer .* Set \[fine_tune\] to "last_layers" or "full"'):
        choose(model, "lora", text_layers(model))


def test_batch_norms_keep_their_statistics() -> None:
    model = photo_model().train()
    freeze_statistics(model)
    before = {name: values.clone() for name, values in model.named_buffers()}
    model(torch.randn(4, 3, 32, 32))
    assert all(torch.equal(values, before[name]) for name, values in model.named_buffers())
