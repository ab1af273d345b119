"""What an own modality may be called: its name becomes part of paths, columns, inputs of graphs and modules of models."""

import re

from recsys.training.config import CONTENT, FUSION_KINDS

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = frozenset((*CONTENT, "knowledge", "id", "item_id", "history", *FUSION_KINDS))
"""What has a meaning in configs, reports or ablations already."""
OF_EVERY_MODULE = re.compile(
    r"(add|call|dump|extra|get|load|named|register|requires|set|share|state|to|zero)_.*|apply|bfloat16|buffers|children|clear|compile|cpu"
    r"|cuda|double|eval|float|forward|half|ipu|items|keys|modules|mtia|parameters|pop|to|train|training|type|update|values|xpu"
)
"""Names that torch's `nn.ModuleDict` keeps for itself and gives to no module."""


def check_modality_name(name: str) -> None:
    """Let a name pass, or not.

    Raises:
        ValueError: It is no plain name, or means something else already.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"modality {name!r}: a name is of at most 40 small letters, digits and underscores, a letter first")
    if name in TAKEN or OF_EVERY_MODULE.fullmatch(name):
        raise ValueError(f"modality {name!r}: the name means something else already; take another, e.g. my_{name}")
