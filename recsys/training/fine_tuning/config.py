"""Settings of fine-tuning."""

from dataclasses import dataclass
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

TrainedPart = Literal["frozen", "last_layers", "lora", "full"]


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig:
    """What of the encoders learns from the shop's own photos, texts and clicks; nothing unless asked."""

    image: TrainedPart = "frozen"
    """What of the image model learns: nothing, its `last_layers`, low-rank changes of its layers (`lora`), or all of it (`full`)."""
    text: TrainedPart = "frozen"
    """The same of the text model."""
    last_layers: int = 2
    """How many layers count as the last ones: blocks of the image model, layers of the text model."""
    lora_rank: int = 8
    """Rank of the change of each layer; the weights that learn grow with it."""
    co_click_weight: NonNegativeFloat = 0.5
    """Loss weight of pairs of items that one user wanted one after the other, beside pairs of a photo and its text; 0: without them."""
    co_click_hours: PositiveFloat = 24.0
    """Two wanted items that lie further apart in time are no pair."""
    epochs: int = 6
    """Passes over the photos with a text, at most; held-out pairs choose."""
    patience: int = 2
    """Epochs without a better recall of held-out pairs before training stops."""
    batch: int = 128
    """Pairs of photo and text per loss, and at most as many co-click pairs; the others of the batch are the negatives."""
    chunk: int = 64
    """Items whose activations are in memory at once. The gradient is that of the whole batch (what chance changes in photos and
    texts is drawn chunk by chunk); a batch larger than a chunk costs one more forward pass."""
    accumulate: int = 1
    """Batches per step of the optimizer."""
    learning_rate: PositiveFloat = 1e-4
    """Of the encoders, after a warm-up; `lora` bears ten times what `full` does."""
    token_dropout: float = 0.1
    """Share of a text's tokens left out each time it is read."""
    shuffle_fields: bool = True
    """Read the fields of a text (title, description, ...) in another order each time."""
    colour_jitter: float = 0.1
    """Most by which a photo's saturation changes, as a share; crop, mirror, brightness and contrast change too."""
    precision: str = "auto"
    """Of the forward passes: `auto` (bf16 where the device has it), `bf16` or `fp32`; weights and optimizer stay in fp32."""
    held_out_share: float = 0.15
    """Items that are not learned from; their pairs choose the epoch and measure recall."""
    items: PositiveInt = 8192
    """At most so many items take part; their photos are held in memory (30 kB each at 96 px)."""
    min_pairs: PositiveInt = 50
    """With fewer pairs to learn from, the encoders stay as they are."""
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        for name in ("last_layers", "lora_rank", "epochs", "batch", "chunk", "accumulate", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 1")
        if self.batch < 2:
            raise ValueError("batch is 1; it is at least 2: the others of a batch are the negatives")
        if not 0 < self.held_out_share < 1:
            raise ValueError(f"held_out_share is {self.held_out_share}; it is above 0 and below 1: held-out pairs choose the epoch")
        for name in ("token_dropout", "colour_jitter"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 0 and below 1")

    @property
    def asked(self) -> bool:
        """Whether anything learns."""
        return self.image != "frozen" or self.text != "frozen"
