"""Who is asked, and as of which moments."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from feature_store.splits import CutName
from pipelines.audit import feature_probes, learning_probes
from pipelines.audit.planting import Plot
from pipelines.audit.twin import Seen, Twin
from pipelines.stage import Stage

MomentName = CutName | Literal["request"]
"""A cut, or the moment of a request in the middle of the ranker's window."""
Ask = Callable[[Twin, Twin, Plot], Mapping[str, Seen]]
"""(twin, clean twin, where was planted) -> what is made of the twin. What is not asked after comes from the clean twin."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One consumer that must not see what happens, or becomes known, at or after a moment."""

    name: str
    as_of: MomentName
    ask: Ask


PROBES: Mapping[str, tuple[Ask, tuple[MomentName, ...]]] = {
    "cuts": (feature_probes.cuts, ("date",)),
    "item_features": (feature_probes.item_features, ("ranker", "request", "validation")),
    "review_sentiment": (feature_probes.review_sentiment, ("ranker", "request", "validation")),
    "ranking_items": (feature_probes.ranking_items, ("validation", "date")),
    "ranking_lists": (feature_probes.ranking_lists, ("request",)),
    "interactions": (learning_probes.interactions, ("ranker", "validation", "date")),
    "candidates": (learning_probes.candidates, ("ranker", "validation")),
    "popularity": (learning_probes.popularity, ("validation", "date")),
    "training_batches": (learning_probes.training_batches, ("ranker", "validation")),
    "passed_over": (learning_probes.passed_over, ("ranker", "validation", "date")),
    "co_clicks": (learning_probes.co_clicks, ("ranker",)),
    "content_worth": (learning_probes.content_worths, ("validation",)),
    "further_parts": (learning_probes.further_parts, ("ranker", "validation")),
    "truth_past": (learning_probes.truth_past, ("validation",)),
    "truth": (learning_probes.truth, ("test",)),
    "baselines": (learning_probes.baselines, ("validation",)),
}
"""Consumers asked alone, and the moments at which they must not see what comes."""


def all_probes(stages: Sequence[Stage]) -> Iterator[Probe]:
    """PROBES, then every file of every stage as of the cut that the stage has declared for it."""
    for name, (ask, moments) in PROBES.items():
        yield from (Probe(name=name, as_of=moment, ask=ask) for moment in moments)
    for stage in stages:
        for cut in dict.fromkeys(stage.sees.values()):
            yield Probe(name=stage.name, as_of=cut, ask=partial(_files, stage, cut))


def _files(stage: Stage, cut: CutName, twin: Twin, _clean: Twin, _plot: Plot) -> Mapping[str, Seen]:
    return twin.files(stage, cut)
