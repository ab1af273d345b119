"""Settings of attribute labelling."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import NonNegativeInt, PositiveInt


@dataclass(frozen=True, kw_only=True)
class LabelsConfig:
    """Attributes that are guessed for items that lack them; none unless named. What the shop itself says is never touched."""

    attributes: tuple[str, ...] = ()
    """Names of attributes of the catalogue, e.g. `colour`; `category` stands for an item's last, narrowest category."""
    zero_shot: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`[labels.zero_shot] colour = ["red", "blue"]`: values of attributes that are not learned; the joint model ([embed] joint_model) says
    which of them an item's photo shows. Spelled as the shop spells them, where it says any."""
    prompt: str = "a photo of a {} product"
    """What the joint model reads for a value, in the place of `{}`; in the language it was trained in."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Attribute -> a prompt of its own, e.g. `category = "a photo of a {}"`."""
    zero_shot_score: float = 0.9
    """Least score of a zero-shot label where the shop says the attribute of too few items to choose one that keeps `precision`."""
    precision: float = 0.9
    """Share of labels that shall be right: of each attribute only guesses are kept whose score reached it on items that were held out."""
    min_items: int = 10
    """A value that fewer labelled items have is not learned, and never guessed."""
    held_out_share: float = 0.3
    """Labelled items that are not learned from: one half chooses strength, calibration and threshold, the other half judges."""
    items: PositiveInt = 20_000
    """At most so many labelled items are learned from, per attribute."""
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        for name in ("precision", "held_out_share", "zero_shot_score"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is above 0 and below 1")
        if self.min_items < 2:
            raise ValueError(f"min_items is {self.min_items}; it is at least 2: one item to learn from and one to judge by")
        for name, values in self.zero_shot.items():
            if name in self.attributes:
                raise ValueError(f"{name} is in attributes and in zero_shot; it is learned or not: name it in one of them")
            if len(values) < 2 or len(set(values)) < len(values):
                raise ValueError(f"zero_shot {name} is {list(values)}; it names at least two values, each once")
        for prompt in (self.prompt, *self.prompts.values()):
            if prompt.count("{}") != 1:
                raise ValueError(f"the prompt is {prompt!r}; it has {{}} once, where the value stands")
        if unknown := sorted(self.prompts.keys() - self.zero_shot.keys()):
            raise ValueError(f"prompts names {', '.join(unknown)}, of which zero_shot names no values")
