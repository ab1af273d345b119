"""What a number of a config may be, checked where the config is read; pydantic has the others, such as `PositiveInt`."""

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]
"""Of a whole: 0 is none of it, 1 all of it."""
PartialShare = Annotated[float, Field(gt=0, lt=1)]
"""Some of a whole, and never all of it: what parts data, a level of significance."""
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
"""Probability of being left out; at 1 nothing would be left."""
