"""Photos and texts of the items, drawn anew each time they are read; and vectors that stay as they are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.encoders.backbone import Backbone
from recsys.encoders.image import ImageEncoderSpec, normalise
from recsys.encoders.text_tower import TextTower
from recsys.encoders.tokens import tokenize
from recsys.training.fine_tuning.config import FineTuneConfig
from recsys.training.fine_tuning.items import PairItems, Rows
from recsys.training.fine_tuning.trainable import Fold, image_layers, make_trainable, text_layers
from recsys.training.image_encoder import augment

Drawn = tuple[Tensor, ...]


class Side(nn.Module, ABC):
    """One modality of the items.

    Args:
        has: (items,) whether an item has it.
    """

    def __init__(self, has: npt.NDArray[np.bool_]) -> None:
        super().__init__()
        self.has = has

    @abstractmethod
    def draw(self, rows: Rows, *, generator: torch.Generator | None = None) -> Drawn:
        """Contents of items that have it, as `forward` takes them: changed by chance, or as they are without a generator."""

    def make_trainable(self, config: FineTuneConfig) -> Fold:
        """Say which weights learn; see `make_trainable`. A side without a model has none."""
        return lambda: None

    def drawn_on(self, device: torch.device, rows: Rows, *, generator: torch.Generator | None = None) -> Drawn:
        """The same on a device."""
        return tuple(part.to(device) for part in self.draw(rows, generator=generator))


class FixedSide(Side):
    """Vectors of an encoder that does not learn.

    Args:
        has: (items,)
        vectors: (items, dim); rows of items without the modality are not read.
    """

    def __init__(self, has: npt.NDArray[np.bool_], vectors: Float[Tensor, "items dim"]) -> None:
        super().__init__(has)
        self.vectors = vectors

    def draw(self, rows: Rows, *, generator: torch.Generator | None = None) -> Drawn:
        """See `Side`; chance changes nothing."""
        return (self.vectors[torch.from_numpy(rows)],)

    def forward(self, vectors: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """The same vectors."""
        return vectors


class PhotoSide(Side):
    """Photos through a timm model.

    Args:
        items: What is learned from.
        model: Without classifier.
        spec: How its photos are prepared and its features pooled.
        config: Says how much colours change.
    """

    def __init__(self, items: PairItems, model: nn.Module, spec: ImageEncoderSpec, config: FineTuneConfig) -> None:
        super().__init__(items.has_photo)
        self.backbone = Backbone(model, pooling=spec.pooling)
        self._pixels, self._photo, self._spec, self._jitter = items.pixels, items.photo, spec, config.colour_jitter

    def draw(self, rows: Rows, *, generator: torch.Generator | None = None) -> Drawn:
        """See `Side`; a photo is cropped, mirrored, and its brightness, contrast and colours change."""
        pixels = self._pixels[torch.from_numpy(self._photo[rows])]
        if generator is None:
            return (normalise(pixels, self._spec),)
        return (normalise(jitter_colour(augment(pixels, generator=generator), self._jitter, generator=generator), self._spec),)

    def make_trainable(self, config: FineTuneConfig) -> Fold:
        """See `Side`."""
        model = self.backbone.model
        return make_trainable(model, config.image, layers=image_layers(model), last_layers=config.last_layers, lora_rank=config.lora_rank)

    def forward(self, pixels: Float[Tensor, "rows 3 size size"]) -> Float[Tensor, "rows dim"]:
        """Unit vectors, as the night embeds photos."""
        vectors: Tensor = self.backbone(pixels)
        return vectors


class TextSide(Side):
    """Texts through a transformer.

    Args:
        items: What is learned from.
        tower: The transformer with its tokenizer and pooling.
        prefix: Put before every text.
        max_tokens: Longer texts are cut, as where the model has no more positions.
        config: Says how texts change by chance.
    """

    def __init__(self, items: PairItems, tower: TextTower, *, prefix: str, max_tokens: int, config: FineTuneConfig) -> None:
        super().__init__(items.has_text)
        self.module = tower.module
        self._fields, self._tower, self._special = items.fields, tower, frozenset(tower.tokenizer.all_special_ids)
        self._prefix, self._max_tokens = prefix, tower.at_most(max_tokens)
        self._dropout, self._shuffle = config.token_dropout, config.shuffle_fields

    @property
    def model(self) -> nn.Module:
        """The transformer, which is what learns."""
        model: nn.Module = self._tower.model
        return model

    def draw(self, rows: Rows, *, generator: torch.Generator | None = None) -> Drawn:
        """See `Side`; the fields of a text are shuffled and some of its tokens left out."""
        chosen = [self._fields[row] for row in rows]
        if generator is not None and self._shuffle:
            chosen = [shuffled(fields, generator=generator) for fields in chosen]
        texts = [self._prefix + ". ".join(fields) for fields in chosen]
        tokens = tokenize(self._tower.tokenizer, texts, max_tokens=self._max_tokens).ids
        if generator is not None:
            tokens = [drop_tokens(ids, self._dropout, keep=self._special, generator=generator) for ids in tokens]
        return self._tower.pad(tokens)

    def make_trainable(self, config: FineTuneConfig) -> Fold:
        """See `Side`."""
        return make_trainable(
            self.model, config.text, layers=text_layers(self.model), last_layers=config.last_layers, lora_rank=config.lora_rank
        )

    def forward(self, ids: Int[Tensor, "rows length"], mask: Bool[Tensor, "rows length"]) -> Float[Tensor, "rows dim"]:
        """Unit vectors, as the night embeds texts."""
        vectors: Tensor = self.module(ids, mask)
        return vectors


def forward(side: Side, drawn: Drawn, dtype: torch.dtype) -> Float[Tensor, "rows dim"]:
    """Vectors in float32, computed in this number format."""
    with torch.autocast(drawn[0].device.type, dtype, enabled=dtype != torch.float32):
        vectors: Tensor = side(*drawn)
    return vectors.float()


@torch.no_grad()
def fixed(side: Side, *, chunk: int, dtype: torch.dtype, device: torch.device) -> FixedSide:
    """What a side gives for every item as it is now, nothing changed by chance; one zero for each item where none has the modality."""
    side.to(device).eval()
    rows = np.flatnonzero(side.has)
    parts = [forward(side, side.drawn_on(device, part), dtype) for part in split(rows, chunk)]
    vectors = torch.zeros(len(side.has), parts[0].shape[1] if parts else 1, device=device)
    if parts:
        vectors[torch.from_numpy(rows).to(device)] = torch.cat(parts)
    return FixedSide(side.has, vectors)


def split(rows: Rows, size: int) -> list[Rows]:
    """Runs of at most so many rows."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def shuffled(fields: Sequence[str], *, generator: torch.Generator) -> list[str]:
    """The same fields in a random order."""
    return [fields[at] for at in torch.randperm(len(fields), generator=generator).tolist()]


def drop_tokens(ids: Sequence[int], share: float, *, keep: frozenset[int], generator: torch.Generator) -> list[int]:
    """Leave each token out with this probability, but for those of `keep` (the tokenizer's own marks); one stays in any case."""
    stays = (torch.rand(len(ids), generator=generator) >= share).tolist()
    left = [number for number, stay in zip(ids, stays, strict=True) if stay or number in keep]
    return left if any(number not in keep for number in left) else list(ids)


def jitter_colour(
    pixels: Float[Tensor, "batch 3 size size"], most: float, *, generator: torch.Generator
) -> Float[Tensor, "batch 3 size size"]:
    """Make each photo's colours stronger or weaker by at most this share; values from 0 to 255."""
    factor = 1 + most * (2 * torch.rand(len(pixels), 1, 1, 1, generator=generator) - 1)
    grey = pixels.mean(dim=1, keepdim=True)
    return (grey + (pixels - grey) * factor).clamp(0, 255)
