"""Settings of attribute labelling."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelsConfig:
    """Attributes that are guessed for items that lack them; none unless named. What the shop itself says is never touched."""

    attributes: tuple[str, ...] = ()
    """Names of attributes of the catalogue, e.g. `colour`; `category` stands for an item's last, narrowest category."""
    precision: float = 0.9
    """Share of labels that shall be right: of each attribute only guesses are kept whose score reached it on items that were held out."""
    min_items: int = 10
    """A value that fewer labelled items have is not learned, and never guessed."""
    held_out_share: float = 0.3
    """Labelled items that are not learned from: one half chooses strength, calibration and threshold, the other half judges."""
    items: int = 20_000
    """At most so many labelled items are learned from, per attribute."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("precision", "held_out_share"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is above 0 and below 1")
        if self.min_items < 2:
            raise ValueError(f"min_items is {self.min_items}; it is at least 2: one item to learn from and one to judge by")
