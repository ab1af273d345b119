"""The leak audit: plant what nobody could know, ask everybody who must not see it, name who did."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import torch

from feature_store.layout import Workspace
from feature_store.splits import Cuts
from pipelines.audit.difference import difference
from pipelines.audit.planting import with_newcomers
from pipelines.audit.probes import Probe, all_probes
from pipelines.audit.sample import draw_sample
from pipelines.audit.twins import Twins
from pipelines.config import Config
from pipelines.progress import Progress
from pipelines.stage import Stage

NEVER = timedelta(days=365)
"""How long after the night newcomers come on sale."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a probe has shown."""

    probe: str
    as_of: str
    moment: datetime
    leak: str
    """What differs between the twins; empty: nothing."""
    unasked: str
    """Why the probe could not be asked of the sample; empty: it was."""
    seconds: float


def audit_leaks(
    workspace: Workspace,
    config: Config,
    cuts: Cuts,
    *,
    stages: tuple[Stage, ...],
    scratch: Path,
    progress: Progress,
    only: Sequence[str] = (),
) -> list[Answer]:
    """Ask every probe of two small copies of the shop that differ only in what nobody could know at its moment.

    Args:
        workspace: The shop; only `events`, `catalogue` and `item_embeddings` are read.
        config: The shop's.
        cuts: Of the night.
        stages: Those of the night that read behaviour, in order.
        scratch: The copies lie here meanwhile.
        progress: A bar over the probes.
        only: Names of probes; empty: all.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    shop = with_newcomers(draw_sample(workspace, cuts=cuts, relevance=config.relevance), on_sale_from=cuts.date + NEVER)
    num_items = workspace.read("catalogue").manifest.facts.get("rows", 0)
    twins = Twins(shop=shop, cuts=cuts, config=config, stages=stages, num_items=num_items, folder=scratch)
    probes = [probe for probe in all_probes(stages) if not only or probe.name in only]
    with _one_thread():
        return [_ask(probe, twins) for probe in progress.track(probes, what="asking who sees the future", total=len(probes))]


def _ask(probe: Probe, twins: Twins) -> Answer:
    plot = twins.plots[probe.as_of]
    started, leak, unasked = perf_counter(), "", ""
    try:
        clean = probe.ask(twins.clean, twins.clean, plot)
    except ValueError as error:
        unasked = str(error)
    else:
        try:
            leak = difference(clean, probe.ask(twins.planted(probe.as_of), twins.clean, plot))
        except ValueError as error:
            leak = f"what was planted stops it: {error}"
    return Answer(
        probe=probe.name, as_of=probe.as_of, moment=plot.moment, leak=leak, unasked=unasked, seconds=perf_counter() - started
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small tensors: more threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
