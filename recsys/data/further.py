"""Names of what a ranker may read of items beside what every ranker reads: columns of `with_rates`."""

from typing import Literal, get_args

FurtherFeature = Literal["wanted_decayed", "conversion_rate", "review_count", "mean_sentiment"]
FURTHER: tuple[FurtherFeature, ...] = get_args(FurtherFeature)
COUNTED: tuple[FurtherFeature, ...] = ("wanted_decayed", "review_count")
"""Of these, what is 0 for an item of which nothing is known."""
