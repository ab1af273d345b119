"""Photos to vectors through a timm model, or through the image tower of a joint one."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor, nn

from recsys.encoders.backbone import Backbone, build_model, load_model
from recsys.encoders.compiled import CompiledTower
from recsys.encoders.photo_decoding import prepare_photo
from recsys.encoders.photo_preparation import PhotoPreparation
from recsys.encoders.photo_spec import PhotoSpec
from recsys.encoders.precision import best_device, brought, resolve_precision
from recsys.encoders.projection import Projected, RandomProjection
from recsys.encoders.protocol import EncoderError, version_digest

WEIGHTS = "weights.safetensors"
DESCRIPTION = "encoder.json"
NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


@dataclass(frozen=True, kw_only=True)
class ImageEncoderSpec:
    """All that an encoder by a timm model is, but for its weights; a `PhotoSpec`."""

    model: str
    options: tuple[str, ...]
    pooling: str
    size: int
    """Pixels per side."""
    crop: float
    """Share of a photo's shorter side that is looked at."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Of values in [0, 1], per channel."""

    @property
    def preparation(self) -> PhotoPreparation:
        """See `PhotoSpec`."""
        return PhotoPreparation(
            smallest_side=int(self.size / self.crop),
            central_share=self.crop,
            shape=(self.size, self.size),
            mean=self.mean,
            std=self.std,
        )

    def prepare(self, content: bytes) -> UInt8[Tensor, "3 size size"]:
        """See `PhotoSpec`."""
        return prepare_photo(content, size=self.size, crop=self.crop)

    def tower(self, model: nn.Module) -> nn.Module:
        """See `PhotoSpec`."""
        return Backbone(model, pooling=self.pooling)


def specify(
    model: nn.Module, name: str, options: Sequence[str], *, pooling: str, size: int, normalisation: str, whole_photo: bool, usual: int = 0
) -> ImageEncoderSpec:
    """Settle how photos are prepared for a model.

    Args:
        model: The timm model; where `normalisation` is `auto`, what timm knows of it decides.
        size: Pixels per side; 0: `usual`, or what the model was made for where it takes nothing else.
        whole_photo: Look at the whole shorter side instead of the central share the model was published with.

    Raises:
        EncoderError: The normalisation is unknown, or the model takes no photos of this size.
    """
    from timm.data.config import resolve_model_data_config

    known = resolve_model_data_config(model)
    if normalisation == "auto":
        mean, std = tuple(known["mean"]), tuple(known["std"])
    elif normalisation in NORMALISATIONS:
        mean, std = NORMALISATIONS[normalisation]
    else:
        raise EncoderError(f"image_normalisation {normalisation!r} is unknown; allowed are auto, {', '.join(NORMALISATIONS)}.")
    crop = 1.0 if whole_photo else float(known["crop_pct"])
    size = _fitting_size(model, name, [size] if size else [usual, *_made_for(model), int(known["input_size"][-1])])
    return ImageEncoderSpec(model=name, options=tuple(options), pooling=pooling, size=size, crop=crop, mean=mean, std=std)


@torch.inference_mode()
def _fitting_size(model: nn.Module, name: str, sizes: Sequence[int]) -> int:
    """The first of these sizes that the model takes; most vision transformers take one alone."""
    learning, told = model.training, ""
    model.eval()
    try:
        for size in sizes:
            try:
                model(torch.zeros(1, 3, size, size, device=next(model.parameters()).device))
            except (AssertionError, RuntimeError) as error:
                told = str(error).splitlines()[0]
            else:
                return size
    finally:
        model.train(learning)
    tried = ", ".join(f"{size} x {size}" for size in dict.fromkeys(sizes))
    raise EncoderError(f"{name} takes no photos of {tried}: {told.rstrip('.')}. Change [embed] image_size; 0 tries the usual ones.")


def _made_for(model: nn.Module) -> Sequence[int]:
    """Pixels per side that a vision transformer was built for."""
    found = getattr(getattr(model, "patch_embed", None), "img_size", None)
    return [int(found[-1])] if found else []


class ImageEncoder:
    """Encode photos in batches on the best device; an `Encoder` of what `prepare` returns.

    Args:
        model: A timm model without classifier, or a joint one, with its weights.
        spec: How photos are prepared and features pooled.
        precision: `auto`, `bf16` or `fp32`.
        batch: Photos per forward pass.
        projected_to: Numbers of a vector; 0: those of the model. See `RandomProjection`.
        compiled: Whether photos go through a `CompiledTower`; it rounds otherwise, within COMPANION_TOLERANCE, so the version is the same.

    Raises:
        EncoderError: There are too few numbers to project, or nothing to compile with.
    """

    def __init__(
        self,
        model: nn.Module,
        spec: PhotoSpec,
        *,
        precision: str = "auto",
        batch: int = 32,
        projected_to: int = 0,
        compiled: bool = False,
    ) -> None:
        self.spec = spec
        self.batch = batch
        self._model = model
        self._device = best_device()
        self._dtype = resolve_precision(precision, self._device)
        self._projected_to = projected_to
        self.tower = self._placed(spec.tower(model))
        if projected_to:
            self.tower = self._placed(Projected(self.tower, RandomProjection(self._length(), projected_to)))
        self._compiled = CompiledTower(self.tower, batch=batch, device=self._device) if compiled else None

    @cached_property
    def version(self) -> str:
        """See `Encoder`."""
        return version_digest({**asdict(self.spec), "precision": str(self._dtype)}, self.tower)

    @cached_property
    def dim(self) -> int:
        """See `Encoder`."""
        return self._length()

    def in_fp32(self) -> "ImageEncoder":
        """See `Encoder`."""
        if self._dtype == torch.float32 and self._compiled is None:
            return self
        return ImageEncoder(self._model, self.spec, precision="fp32", batch=self.batch, projected_to=self._projected_to)

    def prepare(self, content: bytes) -> UInt8[Tensor, "3 height width"]:
        """The pixels of a photo's file.

        Raises:
            UnreadablePhotoError: The bytes hold no photo.
        """
        return self.spec.prepare(content)

    def encode(self, contents: Sequence[UInt8[Tensor, "3 height width"]]) -> npt.NDArray[np.float32]:
        """(photos, dim) unit vectors; see `Encoder`."""
        starts = range(0, len(contents), self.batch)
        run = self._compiled or self.tower
        found = [self._forward(torch.stack(list(contents[start : start + self.batch])), run) for start in starts]
        return torch.cat(found).cpu().numpy() if found else np.empty((0, self.dim), np.float32)  # a GPU is waited for once

    def _placed(self, tower: nn.Module) -> nn.Module:
        still = tower.eval().requires_grad_(False)
        placed: nn.Module = still.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return placed

    def _length(self) -> int:
        return self._forward(torch.zeros(1, 3, *self.spec.preparation.final_shape, dtype=torch.uint8), self.tower).shape[1]

    @torch.inference_mode()
    def _forward(self, pixels: UInt8[Tensor, "batch 3 height width"], run: Callable[[Tensor], Tensor]) -> Float[Tensor, "batch dim"]:
        values = normalise(brought(pixels, self._device), self.spec)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            return run(values)


def normalise(pixels: Num[Tensor, "batch 3 height width"], spec: PhotoSpec) -> Float[Tensor, "batch 3 height width"]:
    """Pixels of 0 to 255 as the model wants them: zero mean and unit deviation over the photos it was trained on."""
    mean = torch.tensor(spec.preparation.mean, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(spec.preparation.std, device=pixels.device).view(3, 1, 1)
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def save_image_encoder(folder: Path, spec: ImageEncoderSpec, weights: nn.Module | Path) -> None:
    """Write an encoder so that `open_image_encoder` finds it; weights are a model's, or a file that is copied as it is."""
    if isinstance(weights, Path):
        shutil.copyfile(weights, folder / WEIGHTS)
    else:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.state_dict().items()}
        safetensors.torch.save_file(state, folder / WEIGHTS)
    (folder / DESCRIPTION).write_text(json.dumps(asdict(spec), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def open_image_encoder(
    folder: Path, *, precision: str = "auto", batch: int = 32, projected_to: int = 0, compiled: bool = False
) -> ImageEncoder:
    """The encoder that `save_image_encoder` wrote.

    Raises:
        EncoderError: The files do not belong together.
    """
    model, spec = load_image_model(folder)
    return ImageEncoder(model, spec, precision=precision, batch=batch, projected_to=projected_to, compiled=compiled)


def load_image_model(folder: Path) -> tuple[nn.Module, ImageEncoderSpec]:
    """The timm model that `save_image_encoder` wrote, in float32, and how its photos are prepared.

    Raises:
        EncoderError: The files do not belong together.
    """
    values = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    spec = ImageEncoderSpec(**{**values, **{key: tuple(values[key]) for key in ("options", "mean", "std")}})
    return load_model(spec.model, spec.options, folder / WEIGHTS), spec


def new_model(name: str, options: Sequence[str], *, seed: int) -> nn.Module:
    """An untrained timm model; equal seeds give equal weights and the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(name, options)
