"""What a number of a config may be, checked where the config is read; pydantic has the others, such as `PositiveInt`."""

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]
"""Of a whole: 0 is none of it, 1 all of it."""
PartialShare = Annotated[float, Field(gt=0, lt=1)]
"""Some of a whole, and never all of it: what parts data, a level of significance."""
PositiveShare = Annotated[float, Field(gt=0, le=1)]
"""What is left at each step: at 0 nothing would be left."""
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
"""What is left out, or stays as it was; at 1 nothing would be left, or nothing would ever move."""


def check_heads(embedding_dim: int, heads: int) -> None:
    """Attention heads share the coordinates of a vector evenly.

    Raises:
        ValueError: They cannot.
    """
    if embedding_dim % heads:
        raise ValueError(f"embedding_dim {embedding_dim} is no multiple of heads {heads}; choose heads that divide it")
