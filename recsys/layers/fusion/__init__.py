"""How the modalities of an item become one vector. One kind per file, all built and called alike.

A fusion reads tokens (items, modalities, dim) and presence (items, modalities). The first token is the item id's, or stands in for it; it
always takes part, so the first column of presence is True. Every kind adds what content says to that token, but for `late_ensemble`, which
puts it beside, and lets content start small: an item with a long past starts out as its id. Only `attention` reads the slot of an absent
modality, where the caller puts a token that says so; to all others it does not exist.
"""

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from recsys.layers.fusion.attention import AttentionFusion
from recsys.layers.fusion.concatenation import ConcatenationFusion
from recsys.layers.fusion.gated import GatedFusion
from recsys.layers.fusion.late_ensemble import LateEnsembleFusion
from recsys.layers.fusion.pooled import PooledFusion
from recsys.layers.fusion.transformer import TransformerFusion
from recsys.layers.fusion.weighted import WeightedFusion

FUSIONS: Mapping[str, Callable[..., nn.Module]] = {
    "attention": AttentionFusion,
    "concatenation": ConcatenationFusion,
    "gated": GatedFusion,
    "late_ensemble": LateEnsembleFusion,
    "max_pooling": partial(PooledFusion, pool="max"),
    "mean_pooling": partial(PooledFusion, pool="mean"),
    "transformer": TransformerFusion,
    "weighted": WeightedFusion,
}
