"""What a search may change in [retriever], and from where to where: the one place that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna

from pipelines.config import ConfigError
from recsys.training.config import RetrieverConfig


@dataclass(frozen=True, kw_only=True)
class Range:
    """A number between two others."""

    low: float
    high: float
    log: bool = False
    """Whether the same factor counts the same everywhere."""
    whole: bool = False
    never: bool = False
    """Whether 0, which stands for never, lies beyond the high end."""

    @property
    def top(self) -> float:
        """Up to where numbers are drawn; those above the high end stand for never."""
        return 2 * self.high if self.never else self.high


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[str | int | float, ...]


Parameter = Range | Choice

PARAMETERS: Mapping[str, Parameter] = {
    "order": Choice(("both", "free", "time")),
    "next_events": Choice((1, 3, 0)),
    "half_life_days": Range(low=90, high=3000, log=True, never=True),
    "context_weight": Range(low=0.25, high=1),
    "dropout": Range(low=0, high=0.6),
    "learning_rate": Range(low=5e-4, high=8e-3, log=True),
    "tokens_per_batch": Range(low=320, high=2560, log=True, whole=True),
    "embedding_dim": Choice((32, 64, 96, 128)),
    "history_length": Choice((20, 50, 100)),
    "weight_decay": Range(low=0, high=0.2),
    "ema_decay": Choice((0.98, 0.99, 0.995, 0.998)),
    "match_dim": Choice((0, 32, 64, 128)),
}
"""Not here: what only items without a past feel (cold_every, modality_dropout), as few choices of the window are of such items, and what
validation chooses anyway (epochs)."""

STARTING_VALUES: Mapping[str, tuple[Any, ...]] = {
    "order": ("free", "time", "both"),
    "next_events": (1, 3, 0),
    "half_life_days": (0.0, 365.0, 1095.0),
    "context_weight": (0.5, 1.0),
}
"""Tried one by one in the place of the config's own before anything is drawn: what has mattered most on the catalogues so far."""

DIGITS = 4
"""Of a number that is drawn: more cannot matter, and would only be hard to read."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """All settings a search may come to."""

    base: RetrieverConfig
    """Where the search starts; all that is not searched stays as it is here."""
    parameters: Mapping[str, Parameter]
    """What is searched, by name."""

    def suggest(self, trial: optuna.Trial) -> RetrieverConfig:
        """The settings of a trial; what it was told or has drawn before stays."""
        for name, parameter in self.parameters.items():
            if isinstance(parameter, Choice):
                trial.suggest_categorical(name, parameter.values)
            else:
                trial.suggest_float(name, parameter.low, parameter.top, log=parameter.log)
        return self.settings(trial.params)

    def settings(self, params: Mapping[str, Any]) -> RetrieverConfig:
        """What the params of a trial stand for."""
        return replace(self.base, **{name: self._value(name, params[name]) for name in self.parameters})

    def params(self, settings: RetrieverConfig) -> dict[str, Any]:
        """The params of a trial that stand for these settings."""
        values = {name: getattr(settings, name) for name in self.parameters}
        return values | {
            name: part.top for name, part in self.parameters.items() if isinstance(part, Range) and part.never and not values[name]
        }

    def changes(self, settings: RetrieverConfig) -> dict[str, Any]:
        """What differs from the base, by name."""
        values = {name: getattr(settings, name) for name in self.parameters}
        return {name: value for name, value in values.items() if value != getattr(self.base, name)}

    def starting_points(self, own: RetrieverConfig) -> list[RetrieverConfig]:
        """The base; the base with the config's own values of what is searched; the base with one change each."""
        found = [self.base, replace(self.base, **{name: getattr(own, name) for name in self.parameters})]
        for name in self.parameters:
            found += [replace(self.base, **{name: value}) for value in STARTING_VALUES.get(name, ())]
        return [point for place, point in enumerate(found) if point not in found[:place]]  # settings have no hash: some are mappings

    def _value(self, name: str, drawn: Any) -> Any:
        parameter, own = self.parameters[name], getattr(self.base, name)
        if drawn == own:
            return own
        if isinstance(parameter, Choice):
            return drawn
        if parameter.never and drawn > parameter.high:
            return 0.0
        rounded = float(f"{drawn:.{DIGITS}g}")
        return round(rounded) if parameter.whole else rounded


def parameters_of(only: Sequence[str] = ()) -> dict[str, Parameter]:
    """What is searched, by name.

    Args:
        only: Names of what may change; empty: all of PARAMETERS.

    Raises:
        ConfigError: There is no such name.
    """
    unknown = [name for name in only if name not in PARAMETERS]
    if unknown:
        raise ConfigError(f"there is no search for {unknown[0]!r}; what can be searched is {', '.join(PARAMETERS)}")
    return {name: parameter for name, parameter in PARAMETERS.items() if not only or name in only}


def space_around(base: RetrieverConfig, own: RetrieverConfig, parameters: Mapping[str, Parameter]) -> Space:
    """The space of a search that starts from the base, wide enough for it and for the config's own values."""
    reaching = {
        name: _reaching(parameter, (getattr(base, name), getattr(own, name)), step=base.heads if name == "embedding_dim" else 1)
        for name, parameter in parameters.items()
    }
    return Space(base=base, parameters=reaching)


def _reaching(parameter: Parameter, values: Sequence[Any], *, step: int) -> Parameter:
    """The parameter with room for values; of whole numbers to choose from only multiples of the step."""
    if isinstance(parameter, Range):
        numbers = [value for value in values if value or not parameter.never]
        return replace(parameter, low=min(parameter.low, *numbers), high=max(parameter.high, *numbers)) if numbers else parameter
    allowed = [value for value in parameter.values if step == 1 or int(value) % step == 0]
    return Choice(tuple(dict.fromkeys((*allowed, *values))))
