"""Settings of one night's training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from recsys.bounds import PartialShare, PositiveShare, ShareBelowOne, check_heads
from recsys.data.further import FurtherFeature
from recsys.data.item_to_item import PartName
from recsys.encoders.config import WHERE, AlignmentKind
from recsys.training.negatives_config import NegativesConfig
from recsys.training.steps_config import StepsConfig

FusionKind = Literal["attention", "concatenation", "gated", "late_ensemble", "max_pooling", "mean_pooling", "transformer", "weighted"]
FUSION_KINDS: tuple[FusionKind, ...] = get_args(FusionKind)
Order = Literal["free", "time", "both"]
ORDERS: tuple[Order, ...] = get_args(Order)
BlockKind = Literal["transformer", "hstu"]
BLOCK_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
CONTENT = ("image", "text", "description", "category")
"""Content that every shop may have."""


@dataclass(frozen=True, kw_only=True)
class RetrieverConfig(NegativesConfig, StepsConfig):
    """Two towers and how they learn."""

    embedding_dim: PositiveInt = 64
    """Length of user and item vectors; each item costs 4 bytes per dimension in a flat index."""
    history_length: PositiveInt = 50
    """Distinct items of a user that the user tower reads: the newest where only what comes next is asked, else half older ones."""
    blocks: NonNegativeInt = 2
    block_kind: BlockKind = "transformer"
    """What reads a history, one file each in `recsys/layers`.

    `transformer`: softmax attention and a feed-forward layer; `hstu`: attention that says how much, not only whom, gated, without a
    feed-forward layer and so with fewer than half the weights. It brought nothing where it was tried; see docs/experiments.md.
    """
    heads: PositiveInt = 2
    dropout: ShareBelowOne = 0.3
    fusion: FusionKind = "attention"
    """How modalities become one item vector, one file each in `recsys/layers/fusion`.

    `attention`: heads choose item by item; `transformer`: modalities read one another first, which costs most;
    `concatenation`: a network of all side by side; `gated`: a gate per coordinate; `weighted`: a number per modality;
    `mean_pooling`, `max_pooling`: all count alike; `late_ensemble`: each has a part of `embedding_dim` and so a score of its own, their sum
    is weighted by what is learned, and what each adds to a score is told exactly.
    """
    modalities: tuple[str, ...] = CONTENT
    """Content that joins the item id. Where a config names none, own modalities take part too ([sources.modalities]), and `knowledge`
    ([knowledge])."""
    content_dim: PositiveInt = 128
    """Embeddings longer than this are whitened down to it."""
    match_dim: NonNegativeInt = 32
    """Coordinates per modality in which content is compared with content directly, beside the fused vector; 0: none."""
    use_item_id: bool = True
    id_rows: int = 0
    """Rows of the table of item ids, `embedding_dim` numbers each, which items share by a hash of their ids, for catalogues that never stop
    growing; 0: a row per item. How many share one is told by the night. Biases, of two numbers each, stay an item's own."""
    parts: tuple[PartName, ...] = ("linear", "likeness")
    """Parts of the score beside the towers that validation may choose (docs/adr/0008); the second is what new items are found by."""
    use_time_gap: bool = True
    """Whether a history read as a set is told how old each event is; `hstu` blocks are also told the time between any two."""
    min_item_events: NonNegativeInt = 1
    """An item with fewer events than this is represented by its content alone. Where that is many of the items people meet, training
    falls apart after a thousand steps: see docs/experiments.md."""
    user_attributes: tuple[str, ...] = ()
    """Attributes of users that the user tower reads; those of [users], unless they are named here."""
    min_attribute_users: int = 20
    """A value of an attribute that fewer users have is not learned: it would be a name for them."""
    cold_every: NonNegativeInt = 2
    """Steps between two in which content learns to stand in for the id of a new item; 0: never, new items are placed by luck."""
    modality_dropout: ShareBelowOne = 0.0
    """Probability that an item's modality is hidden in a step."""
    alignment: Mapping[AlignmentKind, float] = field(default_factory=dict)
    """Alignment losses between the items' content learned along with retrieval, by weight, e.g. `{ contrastive = 0.1 }`: one file each in
    `recsys/losses/alignment`. On three catalogues none brought anything; see docs/experiments.md."""
    alignment_weights: Literal["fixed", "learned"] = "fixed"
    """`learned`: the weights are where learning starts, by uncertainty."""
    aligned_items: PositiveInt = 256
    """Items drawn per step for the alignment losses; their cost grows with the square."""
    order: Order = "both"
    """How histories are read: `free` (shuffled anew every epoch: what else would they want), `time` (what comes next), or `both`, a coin
    for each history and epoch; then validation chooses which question is asked."""
    next_events: NonNegativeInt = 1
    """What a history that is read in order of time has to name at each event: one of so many next ones, drawn anew every epoch (`3` is the
    usual choice); 0: any later one, all alike. It never looks beyond the `history_length` events that are read together."""
    next_decay: PositiveShare = 0.7
    """With several next events, how many times as likely as each is the one behind it."""
    context_weight: NonNegativeFloat = 1.0
    """Loss weight of targets that are events but not wanted, e.g. low ratings."""
    half_life_days: NonNegativeFloat = 0.0
    """How fast an old target's loss weight fades; 0: never."""
    tokens_per_batch: PositiveInt = 640
    events_per_epoch: int = 0
    """An epoch takes about so many events, whole histories at a time, and the next goes on with other users until everybody has had a turn;
    0: an epoch takes all. For logs of many millions, so that validation speaks before everything has been read once."""
    epochs: PositiveInt = 24
    """At most; validation chooses."""
    patience: NonNegativeInt = 4
    """Epochs without a better Recall@100 before training stops; 0: exactly `epochs` are trained and the last one is taken, for logs whose
    validation window is too thin to choose, with epochs found elsewhere."""
    seed: NonNegativeInt = 0
    ensemble: int = 1
    """Two-towers trained one after another, from `seed` up, whose scores are averaged. All of them are served, as one whose item and user
    vectors are so many times as long: training, memory of the index and the time of a search grow as many times."""
    threads: NonNegativeInt = field(default=0, metadata=WHERE, compare=False)
    """Torch threads; 0: as many as cores."""
    sharding: Literal["planned", "row_wise", "table_wise"] = field(default="planned", metadata=WHERE, compare=False)
    """Under torchrun, how a long id table (more than `full_softmax_items`) is dealt out: its rows in runs, all to one rank, or whichever
    TorchRec's planner finds cheaper."""

    def __post_init__(self) -> None:
        NegativesConfig.__post_init__(self)
        StepsConfig.__post_init__(self)
        check_heads(self.embedding_dim, self.heads)
        if self.min_attribute_users < 1:
            raise ValueError(f"min_attribute_users is {self.min_attribute_users}; it counts users: 1 or more")
        if self.id_rows < 0:
            raise ValueError(f"id_rows is {self.id_rows}; it counts the rows that items share: 1 or more, or 0, a row per item")
        if self.events_per_epoch < 0:
            raise ValueError(f"events_per_epoch is {self.events_per_epoch}; it is a number of events, or 0 for all of them")
        if self.id_rows and not self.use_item_id:
            raise ValueError(
                f"id_rows is {self.id_rows} and use_item_id false: without ids there is no table of them; leave one of the two out"
            )
        if self.ensemble < 1:
            raise ValueError(f"ensemble is {self.ensemble}; it counts the two-towers that are trained: 1, the default, or more")
        for name, weight in self.alignment.items():
            if not weight > 0:
                raise ValueError(f"alignment {name} has weight {weight}; it is greater than 0, and a loss that is not wanted is not named")


@dataclass(frozen=True, kw_only=True)
class RankerConfig:
    """The multi-gate mixture of experts and how it learns."""

    num_experts: PositiveInt = 4
    expert_dims: tuple[PositiveInt, ...] = (64, 32)
    tower_dims: tuple[PositiveInt, ...] = (16,)
    dropout: ShareBelowOne = 0.1
    further: tuple[FurtherFeature, ...] = ("review_count", "mean_sentiment")
    """Columns of `item_features` that are read beside those always read, where the shop has them: without reviews, none of reviews."""
    candidates: PositiveInt = 200
    """Retrieved per request; the ranker orders these."""
    horizon_days: PositiveFloat = 7.0
    """How long after a slate what happened on its items still counts as its doing; at most until the end of the ranker's window."""
    max_requests: PositiveInt = 6000
    """Requests that are learned from, at most; each costs `candidates` rows of features in memory."""
    held_out_share: PartialShare = 0.2
    """Users who choose the epoch and the blend, and are not learned from."""
    task_weights: tuple[NonNegativeFloat, NonNegativeFloat, NonNegativeFloat] = (1.0, 2.0, 4.0)
    """What a click, a cart and a purchase are worth in the final score."""
    listwise_weight: NonNegativeFloat = 1.0
    """Weight of the loss over whole slates beside the one over single items."""
    epochs: PositiveInt = 8
    patience: NonNegativeInt = 2
    batch_rows: PositiveInt = 4096
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-4
    seed: NonNegativeInt = 0
