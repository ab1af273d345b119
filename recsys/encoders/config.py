"""Which encoders a shop uses and how they run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from recsys.bounds import Share
from recsys.encoders.item_text import FIELDS

AlignmentKind = Literal["contrastive", "cosine", "determinantal", "joint_embedding_mse", "matching", "similarity_kl", "triplet"]
ALIGNMENT_KINDS: tuple[AlignmentKind, ...] = get_args(AlignmentKind)

WHERE = {"changes_result": False}
"""Marks settings that say where something runs and not what comes out: stages do not run again because of them."""


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """How photos and texts become vectors."""

    joint_model: str = ""
    """A CLIP, SigLIP or Chinese-CLIP of transformers, by name or local path: photos and texts through its two towers, so both lie in one
    space. It stands in for `image_model` and `text_model` with all that prepares for them; empty: those two, each in a space of its own."""
    image_model: str = "mobilenetv3_small_050"
    """Any timm model name."""
    image_weights: str = ""
    """Local weights file (.safetensors) of that model; empty: train a small model on the catalogue itself and keep it."""
    image_pretrained: bool = False
    """Fetch the published weights of `image_model`; needs a model hub within reach."""
    image_model_options: tuple[str, ...] = ()
    """Further `name=value` arguments of the timm model, e.g. `pad_type=same`."""
    image_size: NonNegativeInt = 0
    """Pixels per side; the forward pass costs its square. 0: 96 for a model trained on the catalogue, 160 for given weights, and
    what the model was made for where it takes nothing else, as most vision transformers do."""
    image_normalisation: str = "auto"
    """`imagenet` (its mean and deviation), `half` (x / 127.5 - 1), or `auto`: what timm says of the model; `half` if trained here."""
    image_pooling: str = "levels"
    """`levels`: pooled features of every stage of the backbone side by side, so that colour and texture survive; `last`: the last only."""
    image_dim: NonNegativeInt = 0
    """Project photo vectors to so many numbers by one fixed random matrix; 0: as long as the model makes them. Cosines move by about
    1 / sqrt(image_dim), so it is for shops that have no room."""
    text_model: str = "minilm"
    """Any transformers model, by name or local path; `minilm` is the one that travels with the installed packages."""
    text_fields: tuple[str, ...] = ("title", "category", "attributes")
    """Catalogue columns joined into the text that is encoded as the modality `text`: what an item is, in few words."""
    description_fields: tuple[str, ...] = ("description",)
    """The same for the modality `description`, by the same model; none: there is no such modality. One vector of all words would be mostly
    that of the description; apart, few words and many each count by what they tell: see docs/experiments.md. A column may be in both."""
    text_pooling: str = "mean"
    """From tokens to one vector: `mean`, `max`, `cls` (the first token), `last` (for decoders) or `pooler` (the model's own); as the model
    was trained. Dense layers that a folder of sentence-transformers lists follow it by themselves."""
    text_dim: NonNegativeInt = 0
    """As `image_dim`, of texts; a joint model needs both alike, or neither."""
    text_prefix: str = ""
    """Put before every text, e.g. `passage: `, where the model was trained with an instruction."""
    text_query_prefix: str = ""
    """Put before what people search for in the place of `text_prefix`, e.g. `query: `; empty: `text_prefix`."""
    max_tokens: PositiveInt = 128
    """Longer texts are cut, as are those that a joint model has no positions for; how many were is reported."""
    image_batch: PositiveInt = 32
    compile_images: bool = False
    """Compile the image model before its first batch: a MobileNet on a CPU in bf16 is then 1.4 times as fast, for a start that
    waits until it is compiled (93 s on a busy machine). Needs a C++ compiler where there is no GPU. What was encoded without it stays, and
    `vitrine add-items` encodes without it: it rounds otherwise, but as little as other companions in a batch do (cosine .9999)."""
    text_tokens_per_batch: PositiveInt = 2048
    shard_items: PositiveInt = 1024
    """Items per file; a killed run resumes at the first missing one."""
    engine: Literal["local", "daft"] = field(default="local", metadata=WHERE)
    """What encodes: `local`, this process; `daft`, workers with an encoder each (extra `scale`; docs/operations.md)."""
    ray_address: str = field(default="", metadata=WHERE)
    """Where Daft's workers run. Empty: processes of this machine; `local`: a Ray of the night; `auto` or host:port: that cluster."""
    workers: int = field(default=2, metadata=WHERE)
    """Of Daft, at most; each holds the models once and encodes a file of `shard_items` at a time. No more items than that need none."""
    gpus_per_worker: NonNegativeFloat = field(default=0.0, metadata=WHERE)
    """Ray gives each worker so many GPUs, or that part of one."""
    precision: str = "auto"
    """`auto` (bf16 where the device has it), `bf16` or `fp32`."""
    storage: Literal["fp32", "fp16"] = "fp32"
    """How the vectors of photos and texts lie on disk: `fp16` takes half the room. What it costs stands in the manifest of the table,
    `precision`; given vectors stay as they came."""
    min_precision_cosine: Share = 0.98
    """Lowest cosine to the fp32 vector of the same weights over a sample of 256 items; below it the stage fails. Rounding alone costs a
    MobileNet up to 0.01 on the worst photo of 256, MiniLM 0.0001; storage in fp16 less than 0.0001."""
    max_refused_share: Share = 0.05
    """Above this share of photos that are missing, corrupt or out of bounds, or of vectors that cannot be used, the stage fails; 1 never
    fails."""
    train_epochs: PositiveInt = 10
    """Passes over the photos when the image model is trained here; each costs about 4 s per 1,000 photos on two cores."""
    train_batch: PositiveInt = 128
    """Photos per step; the others of the batch are the negatives."""
    train_alignment: AlignmentKind = "contrastive"
    """Loss between photos and texts, a file each in `recsys/losses/alignment`; photos alone are always told apart by `contrastive`."""
    train_photos: PositiveInt = 8192
    """At most so many photos are learned from; they are held in memory (30 kB each at 96 px)."""
    train_min_photos: PositiveInt = 50
    """A shop with fewer readable photos, and no weights given, gets no image encoder."""
    seed: NonNegativeInt = 0

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Modality -> the columns that make its text."""
        return {"text": self.text_fields} | ({"description": self.description_fields} if self.description_fields else {})

    @property
    def all_text_fields(self) -> tuple[str, ...]:
        """Columns that any of them reads, in the order of `FIELDS`: what encoders that learn here are shown at once."""
        return tuple(field for field in FIELDS if field in self.text_fields or field in self.description_fields)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}; it is at least 1")
        if self.engine == "daft" and self.gpus_per_worker and not self.ray_address:
            raise ValueError(
                f"gpus_per_worker = {self.gpus_per_worker} is a request to Ray, and ray_address is empty; name a cluster, or set "
                'ray_address = "local" for the GPUs of this machine'
            )
        for name in ("text_fields", "description_fields"):
            unknown = [field for field in getattr(self, name) if field not in FIELDS]
            if unknown:
                raise ValueError(f"{name}: there is no text field {unknown[0]!r}; there are {', '.join(FIELDS)}")
        named = [name for name in ("image_weights", "image_pretrained") if getattr(self, name)]
        named += ["text_model"] if self.text_model != "minilm" else []
        named += ["text_pooling"] if self.text_pooling != "mean" else []
        if self.joint_model and self.image_dim != self.text_dim:
            raise ValueError(f"image_dim is {self.image_dim} and text_dim {self.text_dim}; a joint_model has one space, so they are equal")
        if self.joint_model and named:
            raise ValueError(f"joint_model stands in for both encoders, yet {', '.join(named)} is set too; leave out one or the other")
