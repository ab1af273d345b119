"""Train a small image model on a catalogue's own photos and texts, so that a shop needs no download to see."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from recsys.encoders.backbone import Backbone
from recsys.encoders.image import ImageEncoderSpec, new_model, normalise
from recsys.losses.alignment import ALIGNMENT_LOSSES, AlignmentLoss
from recsys.losses.alignment.contrastive import contrastive

PROJECTION_DIM = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
CHECKPOINT = "image_encoder.pt"


@dataclass(frozen=True, kw_only=True)
class Photos:
    """What is learned from."""

    pixels: UInt8[Tensor, "photos 3 size size"]
    texts: Float[Tensor, "photos text_dim"]
    """Unit vectors of the items' texts; frozen."""
    has_text: Tensor
    """(photos,) bool."""
    text_group: Int[Tensor, " photos"]
    """Equal where the texts are equal."""
    photo_group: Int[Tensor, " photos"]
    """Equal where the photos are equal."""


class Aligner(nn.Module):
    """The backbone and what is thrown away after training: projections of photos and texts, and the temperature.

    Args:
        backbone: The model that is kept.
        image_dim: Length of its own pooled output.
        text_dim: Length of a text vector.
        align: Brings photos and texts together; built for vectors of `PROJECTION_DIM`.
    """

    def __init__(self, backbone: Backbone, *, image_dim: int, text_dim: int, align: AlignmentLoss) -> None:
        super().__init__()
        self.backbone = backbone
        self.align = align
        self.to_text = nn.Linear(image_dim, PROJECTION_DIM)
        self.from_text = nn.Linear(text_dim, PROJECTION_DIM)
        self.to_view = nn.Sequential(nn.Linear(image_dim, image_dim), nn.ReLU(), nn.Linear(image_dim, PROJECTION_DIM))
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.1).log())

    def loss(
        self,
        views: Float[Tensor, "2 batch 3 size size"],
        texts: Float[Tensor, "batch text_dim"],
        has_text: Tensor,
        text_group: Int[Tensor, " batch"],
        photo_group: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Photo and text are aligned; and one view of a photo finds the other (Chen et al., ICML 2020).

        The second term keeps what a photo shows and no text says.
        """
        batch = views.shape[1]
        features, _ = self.backbone.split(views.flatten(0, 1))  # (2 x batch, image_dim)
        temperature = (-self.log_scale).exp().clamp(0.02, 1.0)
        seen = F.normalize(self.to_view(features), dim=-1)
        loss = contrastive(seen[:batch], seen[batch:], photo_group, temperature=temperature)
        if has_text.sum() > 1:
            said = F.normalize(self.from_text(texts[has_text]), dim=-1)
            shown = F.normalize(self.to_text(features), dim=-1)
            for view in (shown[:batch], shown[batch:]):
                loss = loss + self.align(view[has_text], said, text_group[has_text], temperature=temperature) / 2
        return loss


def train_image_encoder(
    photos: Photos,
    spec: ImageEncoderSpec,
    *,
    epochs: int,
    batch: int,
    alignment: str,
    seed: int,
    device: torch.device,
    scratch: Path,
    on_step: Callable[[], object] = lambda: None,
) -> tuple[nn.Module, list[float]]:
    """Learn from scratch; equal arguments give equal weights on one kind of machine.

    Args:
        photos: At least two.
        spec: The model, and how its pixels are prepared.
        alignment: Key of `ALIGNMENT_LOSSES`.
        scratch: Where the state after each epoch is kept; a run that was killed goes on from there, to the same end.
        on_step: Called after each batch.

    Returns:
        The timm model, and the mean loss of each epoch.
    """
    model = new_model(spec.model, spec.options, seed=seed)
    backbone = Backbone(model, pooling=spec.pooling)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        image_dim = int(model.eval()(torch.zeros(1, 3, spec.size, spec.size)).shape[1])
        align = ALIGNMENT_LOSSES[alignment](PROJECTION_DIM)
        aligner = Aligner(backbone, image_dim=image_dim, text_dim=photos.texts.shape[1], align=align)
    aligner = aligner.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(aligner.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * num_batches(len(photos.pixels), batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=LEARNING_RATE, total_steps=max(2, steps), pct_start=0.15)
    parts: dict[str, Any] = {"aligner": aligner, "optimizer": optimizer, "schedule": schedule}
    losses: list[float] = []
    checkpoint = scratch / CHECKPOINT
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        losses = state["losses"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
    for epoch in range(len(losses), epochs):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)  # an epoch's chance depends on its number alone
        aligner.train()
        total = 0.0
        order = torch.randperm(len(photos.pixels), generator=generator)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 1_000_003 + epoch)  # dropout inside the model draws from the global state
            for rows in order.tensor_split(num_batches(len(order), batch)):
                views = [augment(photos.pixels[rows], generator=generator) for _ in range(2)]
                pixels = torch.stack([normalise(view.to(device), spec) for view in views])
                texts, has_text = photos.texts[rows].to(device), photos.has_text[rows].to(device)
                loss = aligner.loss(pixels, texts, has_text, photos.text_group[rows].to(device), photos.photo_group[rows].to(device))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(rows)
                on_step()
        losses.append(total / len(order))
        partial = checkpoint.with_suffix(".partial")
        torch.save({"losses": losses, **{name: part.state_dict() for name, part in parts.items()}}, partial)
        partial.replace(checkpoint)
    return model.eval().cpu(), losses


def num_batches(num_photos: int, batch: int) -> int:
    """Batches of an epoch, all of nearly the same size: a batch of one has no negatives."""
    return max(1, round(num_photos / batch))


def augment(pixels: UInt8[Tensor, "batch 3 size size"], *, generator: torch.Generator) -> Float[Tensor, "batch 3 size size"]:
    """A random view of each photo: crop of 60 to 100 % of the side, mirrored half the time, brightness and contrast within 10 %.

    Colour stays as it is: it is what shoppers choose by.

    Returns:
        Values from 0 to 255.
    """
    batch = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(batch, generator=generator) * (high - low) + low

    scale = uniform(0.6, 1.0)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    shift_x, shift_y = uniform(-1, 1) * (1 - scale), uniform(-1, 1) * (1 - scale)
    zero = torch.zeros(batch)
    theta = torch.stack([torch.stack([scale * mirror, zero, shift_x], -1), torch.stack([zero, scale, shift_y], -1)], 1)  # (batch, 2, 3)
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    views = F.grid_sample(pixels.float(), grid, padding_mode="reflection", align_corners=False)
    contrast, brightness = uniform(0.9, 1.1).view(-1, 1, 1, 1), uniform(0.9, 1.1).view(-1, 1, 1, 1)
    centre = views.mean(dim=(1, 2, 3), keepdim=True)
    return ((views - centre) * contrast + centre * brightness).clamp(0, 255)
