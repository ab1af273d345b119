"""What a night looks at in its inputs, and from where on it warns or stops."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Limit:
    """From which value on a change is told, and from which on it ends the night."""

    warn: float = 0.0
    """0: never."""
    stop: float = 0.0
    """0: never. The night ends before anything is trained, and ends so again until the input, or this value, is another."""

    def __post_init__(self) -> None:
        if not (self.warn >= 0 and self.stop >= 0):
            raise ValueError(f"limits are warn = {self.warn:g} and stop = {self.stop:g}; they are above 0, or 0 for never")
        if 0 < self.stop < self.warn:
            raise ValueError(f"stop = {self.stop:g} is below warn = {self.warn:g}; raise stop to at least warn, or leave warn out")


@dataclass(frozen=True, kw_only=True)
class ProfileConfig:
    """The newest days of the log against those before them, and the catalogue against the one of the last night."""

    window_days: int = 7
    """The newest window: so many days up to the night's date."""
    reference_days: int = 28
    """The reference window: so many days before it, or as many as the log has."""
    min_rows: int = 1000
    """What has fewer rows in a window is described and not judged."""
    volume: Limit = field(default_factory=lambda: Limit(warn=3.0))
    """How many times more, or fewer, events of a type, users or items there are in a day."""
    nulls: Limit = field(default_factory=lambda: Limit(warn=0.1))
    """Change of the share of events of a type that lack a value; 0.1 is ten in a hundred."""
    psi: Limit = field(default_factory=lambda: Limit(warn=0.25))
    """Population stability index of event types, surfaces, categories and hours; 0.25 is commonly called a shift."""
    ks: Limit = field(default_factory=lambda: Limit(warn=0.2))
    """Largest distance of two distribution functions (Kolmogorov-Smirnov) of values and prices, from 0 to 1."""
    catalogue: Limit = field(default_factory=lambda: Limit(warn=0.1))
    """Change of a share of the items that lack a value, have a modality or are in stock, and of their number, relative to it."""

    def __post_init__(self) -> None:
        for name in ("window_days", "reference_days", "min_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 1")
        for what, value in asdict(self.volume).items():
            if 0 < value <= 1:
                raise ValueError(
                    f"volume {what} is {value:g}; it says how many times more, or fewer, so it is above 1 (3: three times as many, or a "
                    "third), or 0 for never"
                )
        for name in ("nulls", "ks"):
            for what, value in asdict(getattr(self, name)).items():
                if value > 1:
                    raise ValueError(f"{name} {what} is {value:g}; no two shares are further apart than 1: set at most 1, or 0 for never")
