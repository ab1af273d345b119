"""Which weights of an encoder learn: its last layers, low-rank changes of its layers, or all."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from recsys.encoders.protocol import EncoderError
from recsys.encoders.torchvision_operators import declare_torchvision_operators
from recsys.training.fine_tuning.config import TrainedPart

LORA_SCALE = 2
"""What the product of the two low-rank matrices is multiplied with, whatever their rank."""
Fold = Callable[[], object]
"""Puts what was learned beside a model into its own weights."""


def make_trainable(model: nn.Module, part: TrainedPart, *, layers: Sequence[Sequence[str]], last_layers: int, lora_rank: int) -> Fold:
    """Say which weights of a model get a gradient.

    Args:
        model: Changed in place; `lora` puts two small matrices beside each of its linear layers and undivided convolutions (Hu et al.,
            ICLR 2022), through peft.
        part: What learns.
        layers: Names of the model's weights by layer, first layer first; see `image_layers`, `text_layers`.
        last_layers: How many of them are the last ones.
        lora_rank: Columns of the small matrices.

    Returns:
        What is called once training is over: it folds the small matrices into the weights, so that the model has its own layers again.

    Raises:
        EncoderError: `lora` finds no layer that it can change.
    """
    model.requires_grad_(part == "full")
    if part == "last_layers":
        last = {name for names in layers[-last_layers:] for name in names}
        for name, weights in model.named_parameters():
            weights.requires_grad_(name in last)
    return _add_lora(model, rank=lora_rank) if part == "lora" else lambda: None


def image_layers(model: nn.Module) -> list[list[str]]:
    """Names of a timm model's weights, block by block."""
    declare_torchvision_operators()
    from timm.models import group_parameters

    timm_model: Any = model
    return list(group_parameters(model, timm_model.group_matcher(coarse=False)).values())


def text_layers(model: nn.Module) -> list[list[str]]:
    """Names of a transformer's weights, layer by layer; those before the first layer come first, those behind it belong to the last."""
    stacks = {name: part for name, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    stack = max(stacks, key=lambda name: len(stacks[name]))
    starts = [f"{stack}.{number}." for number in range(len(stacks[stack]))]
    layers: list[list[str]] = [[] for _ in range(len(starts) + 1)]
    at = 0
    for name, _ in model.named_parameters():
        at = next((number for number, start in enumerate(starts, start=1) if name.startswith(start)), at)
        layers[at].append(name)
    return layers


def freeze_statistics(model: nn.Module) -> None:
    """Batch norms go on with the means and deviations they came with: those of a small batch would spoil them."""
    for part in model.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def _add_lora(model: nn.Module, *, rank: int) -> Fold:
    declare_torchvision_operators()
    from peft import LoraConfig, LoraModel

    targets = [name for name, part in model.named_modules() if _can_change(part)]
    if not targets:
        raise EncoderError(
            f'{type(model).__name__} has no linear layer or convolution that lora could change. Set [fine_tune] to "last_layers" or "full".'
        )
    config = LoraConfig(r=rank, lora_alpha=LORA_SCALE * rank, target_modules=targets)
    return LoraModel(model, config, "default").merge_and_unload


def _can_change(part: nn.Module) -> bool:
    return isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.groups == 1)
