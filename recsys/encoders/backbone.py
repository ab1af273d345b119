"""Any timm model as a map from pixels to one vector."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.encoders.protocol import EncoderError
from recsys.encoders.torchvision_operators import declare_torchvision_operators


class Backbone(nn.Module):
    """Pool a timm model's features to one unit vector.

    Args:
        model: A timm model without classifier.
        pooling: `last` takes the model's own pooled output. `levels` puts beside it mean and standard deviation over the photo of every
            earlier stage, each stage of unit length: early stages keep the colour and texture that later ones learn to ignore.
    """

    def __init__(self, model: nn.Module, *, pooling: str) -> None:
        super().__init__()
        self.model = model
        if pooling not in ("levels", "last"):
            raise EncoderError(f"image_pooling {pooling!r} is unknown; allowed are levels, last.")
        self.pooling = pooling

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Unit vectors, float32."""
        return self.split(pixels)[1]

    def split(self, pixels: Float[Tensor, "batch 3 height width"]) -> tuple[Float[Tensor, "batch last"], Float[Tensor, "batch dim"]]:
        """The model's own pooled output as it is, and the unit vector; both float32."""
        if self.pooling == "last":
            last = self.model(pixels).float()
            return last, F.normalize(last, dim=-1)
        final, stages = self.model.forward_intermediates(pixels)  # type: ignore[operator]
        last = self.model.forward_head(final, pre_logits=True).float()  # type: ignore[operator]
        levels = [*(_mean_and_spread(stage.float()) for stage in stages[:-1]), last]
        return last, torch.cat([F.normalize(level, dim=-1) for level in levels], dim=-1) / len(levels) ** 0.5


def _mean_and_spread(maps: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch 2*channels"]:
    return torch.cat([maps.mean(dim=(2, 3)), maps.var(dim=(2, 3), correction=0).clamp(min=1e-6).sqrt()], dim=-1)


def build_model(name: str, options: Sequence[str] = (), *, pretrained: bool = False) -> nn.Module:
    """A timm model without its classifier.

    Raises:
        EncoderError: timm knows no such model or option.
    """
    model: nn.Module = _create(name, options, pretrained=pretrained, num_classes=0)
    return model


def load_model(name: str, options: Sequence[str], weights: Path) -> nn.Module:
    """A timm model with the weights of a local file, in float32; a classifier that the file holds is dropped.

    Raises:
        EncoderError: The file is no safetensors file, or does not fit the model to the last weight.
    """
    try:
        state = {key: value.float() if value.is_floating_point() else value for key, value in safetensors.torch.load_file(weights).items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise EncoderError(f"cannot read weights from {weights}: {error}. [embed] image_weights must name a .safetensors file.") from error
    probe = _create(name, options, pretrained=False)
    classifier = probe.pretrained_cfg.get("classifier", "classifier")
    model: Any = _create(name, options, pretrained=False, num_classes=len(state.get(f"{classifier}.weight", ())))
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise EncoderError(f"{weights} does not hold the weights of {name} with options {list(options)}: {error}") from error
    model.reset_classifier(0)
    built: nn.Module = model
    return built


def _create(name: str, options: Sequence[str], **more: Any) -> Any:
    declare_torchvision_operators()
    import timm

    arguments: dict[str, Any] = {}
    for option in options:
        key, found, value = option.partition("=")
        if not found:
            raise EncoderError(f"image_model_options: found {option!r}, allowed is name=value, e.g. pad_type=same.")
        arguments[key.strip()] = _literal(value.strip())
    try:
        return timm.create_model(name, **arguments, **more)
    except (RuntimeError, TypeError, ValueError) as error:
        raise EncoderError(f"timm cannot build {name!r} with {arguments}: {error}. `timm.list_models()` names what it has.") from error


def _literal(value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
