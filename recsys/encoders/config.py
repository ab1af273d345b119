"""Which encoders a shop uses and how they run."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """How photos and texts become vectors."""

    image_model: str = "mobilenetv3_small_050"
    """Any timm model name."""
    image_weights: str = ""
    """Local weights file (.safetensors) of that model; empty: train a small model on the catalogue itself and keep it."""
    image_pretrained: bool = False
    """Fetch the published weights of `image_model`; needs a model hub within reach."""
    image_model_options: tuple[str, ...] = ()
    """Further `name=value` arguments of the timm model, e.g. `pad_type=same`."""
    image_size: int = 160
    """Pixels per side; the forward pass costs its square."""
    text_model: str = "minilm"
    """Any transformers model, by name or local path; `minilm` is the one that travels with the installed packages."""
    text_fields: tuple[str, ...] = ("title", "description", "category", "attributes")
    """Catalogue columns joined into the text that is encoded."""
    max_tokens: int = 128
    """Longer texts are cut; how many were is reported."""
    image_batch: int = 32
    text_tokens_per_batch: int = 2048
    shard_items: int = 1024
    """Items per file; a killed run resumes at the first missing one."""
    precision: str = "auto"
    """`auto` (bf16 where the device has it), `bf16` or `fp32`."""
    max_refused_share: float = 0.05
    """Above this share of corrupt images the stage fails."""
    seed: int = 0
