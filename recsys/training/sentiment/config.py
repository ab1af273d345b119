"""Settings of reading reviews."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReviewsConfig:
    """What reads the words of reviews. A shop whose reviews have none pays nothing."""

    read: bool = True
    """Whether words of reviews are read at all; each review costs about as much as the text of an item, once."""
    model: str = ""
    """A sequence classifier of transformers, by name or local path, whose labels are `1 star` to `5 stars`, or NEGATIVE and POSITIVE.
    Empty: a small one of the shop's own, learned from the words and stars of its reviews before the ranker's window."""
    min_reviews: int = 200
    """With fewer reviews that have words and stars no own model is learned, and none is read."""
    most_learned: int = 20_000
    """At most so many reviews are learned from."""
    max_tokens: int = 128
    """Longer reviews are cut there."""

    def __post_init__(self) -> None:
        for name in ("min_reviews", "most_learned", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 1")
