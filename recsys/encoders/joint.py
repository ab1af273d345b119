"""Models that put photos and texts into one space, by two towers: CLIP (Radford et al., ICML 2021), SigLIP (Zhai et al., ICCV 2023) and
Chinese-CLIP (Yang et al., 2022)."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from recsys.encoders.image import ImageEncoder
from recsys.encoders.joint_photos import read_processor
from recsys.encoders.photo_preparation import PhotoPreparation, photo_pixels
from recsys.encoders.pretrained import load_pretrained, load_tokenizer
from recsys.encoders.protocol import EncoderError
from recsys.encoders.text_tower import TextTower

KINDS = ("clip", "siglip", "chinese_clip")
"""`model_type` of those whose photos are plain squares of pixels."""
JOINT = "joint"
"""The pooling of a joint model: its own, projection included."""


class JointText(nn.Module):
    """The text tower, its projection included.

    Args:
        model: The joint model.
        masked: Whether padding is masked; SigLIP was trained with every text padded to one length and nothing masked.
    """

    model: Any

    def __init__(self, model: nn.Module, *, masked: bool) -> None:
        super().__init__()
        self.model, self._masked = model, masked

    def forward(self, ids: Int[Tensor, "batch length"], mask: Bool[Tensor, "batch length"]) -> Float[Tensor, "batch dim"]:
        """Unit vectors, float32."""
        found = self.model.get_text_features(input_ids=ids, attention_mask=mask.long() if self._masked else None)
        return F.normalize(found.pooler_output.float(), dim=-1)


class JointPhotos(nn.Module):
    """The image tower, its projection included."""

    model: Any

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Unit vectors, float32."""
        found = self.model.get_image_features(pixel_values=pixels)
        return F.normalize(found.pooler_output.float(), dim=-1)


@dataclass(frozen=True, kw_only=True)
class JointPhotoSpec:
    """How a joint model takes photos; a `recsys.encoders.photo_spec.PhotoSpec`."""

    kind: str
    """Its `model_type`."""
    preparation: PhotoPreparation

    def prepare(self, content: bytes) -> UInt8[Tensor, "3 height width"]:
        """See `PhotoSpec`."""
        return torch.from_numpy(photo_pixels(content, self.preparation)).permute(2, 0, 1)

    def tower(self, model: nn.Module) -> nn.Module:
        """See `PhotoSpec`."""
        return JointPhotos(model)


def load_joint_text(source: str, dtype: torch.dtype) -> TextTower:
    """The text tower of a joint model.

    Args:
        source: Name or folder of the model.
        dtype: Number format of its weights.

    Raises:
        EncoderError: It cannot be loaded, or is no joint model.
    """
    model = _load(source, dtype, without="vision_model")
    config, text = model.config, model.config.text_config
    always_padded = config.model_type == "siglip"
    return TextTower(
        tokenizer=load_tokenizer(source),
        module=JointText(model, masked=not always_padded),
        dim=int(text.projection_size if always_padded else config.projection_dim),
        pooling=JOINT,
        longest=int(text.max_position_embeddings),
        padded_to=int(text.max_position_embeddings) if always_padded else 0,
    )


def open_joint_image_encoder(
    source: str, *, precision: str = "auto", batch: int = 32, projected_to: int = 0, compiled: bool = False
) -> ImageEncoder:
    """The image tower of a joint model, its photos prepared as its own processor says.

    Raises:
        EncoderError: It cannot be loaded, is no joint model, or its processor does what cannot be done here.
    """
    model = _load(source, torch.float32, without="text_model")
    side = int(model.config.vision_config.image_size)
    spec = JointPhotoSpec(kind=model.config.model_type, preparation=read_processor(source, side=side))
    return ImageEncoder(model, spec, precision=precision, batch=batch, projected_to=projected_to, compiled=compiled)


def logit_scale(tower: TextTower) -> float:
    """What a joint model multiplies the cosine of a photo and a text by before it compares texts."""
    return float(tower.model.logit_scale.detach().float().exp())


def _load(source: str, dtype: torch.dtype, *, without: str) -> Any:
    def joint_class(config: Any) -> Any:
        from transformers import AutoModel

        if config.model_type not in KINDS:
            raise EncoderError(f"{source!r} is a model of type {config.model_type}; [embed] joint_model takes one of {', '.join(KINDS)}.")
        return AutoModel

    model, _ = load_pretrained(source, dtype, setting="joint_model", class_of=joint_class)
    setattr(model, without, None)  # the other tower need not be held, and is no part of this one's version
    return model
