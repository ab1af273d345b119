"""How the modalities of an item become one vector. One kind per file, all with the same call."""

from collections.abc import Callable, Mapping

from torch import nn

from recsys.layers.fusion.attention import AttentionFusion
from recsys.layers.fusion.gated import GatedFusion

FUSIONS: Mapping[str, Callable[..., nn.Module]] = {"attention": AttentionFusion, "gated": GatedFusion}
