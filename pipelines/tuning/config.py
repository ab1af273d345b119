"""How long `vitrine tune` searches, for what, and whether the night uses what it found."""

from dataclasses import dataclass

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """A search for better settings of the retriever on the validation window."""

    use: bool = True
    """Whether the night takes what the last search found, tuned.toml in the workspace, over [retriever]; `--set` wins over both."""
    trials: PositiveInt = 30
    """Settings tried in all, the config's own first; each costs at most the training of one validation twin."""
    hours: PositiveFloat = 8.0
    """Wall time of one run; 0: no limit. What is at work then goes on in the next run."""
    only: tuple[str, ...] = ()
    """Settings to search, names of `pipelines/tuning/space.py`; empty: all of them."""
    seed: NonNegativeInt = 0
