"""The leak audit: plant what nobody could know, ask everybody who must not see it, name who did."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import polars as pl
import torch

from feature_store.layout import TableReader
from feature_store.schema import CATALOGUE
from feature_store.splits import Cuts
from pipelines.audit.answer import Answer
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


def audit_leaks(
    events: TableReader,
    users: TableReader,
    catalogue: TableReader,
    embeddings: TableReader,
    knowledge: TableReader,
    *,
    config: Config,
    cuts: Cuts,
    stages: tuple[Stage, ...],
    scratch: Path,
    progress: Progress,
    only: Sequence[str] = (),
) -> list[Answer]:
    """Ask every probe of two small copies of the shop that differ only in what nobody could know at its moment.

    Args:
        events: Of the shop.
        users: Of the shop.
        catalogue: Of the shop.
        embeddings: Of the shop.
        knowledge: Of the shop.
        config: The shop's.
        cuts: Of the night.
        stages: Those of the night that read behaviour, in order.
        scratch: The copies lie here meanwhile.
        progress: A bar over the probes.
        only: Names of probes; empty: all.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    sample = draw_sample(events, users, catalogue, embeddings, knowledge, cuts=cuts, relevance=config.relevance)
    shop = with_newcomers(sample, on_sale_from=cuts.date + NEVER)
    num_items = catalogue.scan(CATALOGUE).select(pl.len()).collect().item()
    twins = Twins(shop=shop, cuts=cuts, config=config, stages=stages, num_items=num_items, folder=scratch)
    probes = [probe for probe in all_probes(stages) if not only or probe.name in only]
    with _one_thread():
        return [_ask(probe, twins) for probe in progress.track(probes, what="asking who sees the future", total=len(probes))]


def _ask(probe: Probe, twins: Twins) -> Answer:
    plot = twins.plots[probe.as_of]
    started, leak, unasked = perf_counter(), "", ""
    try:
        clean = probe.ask(twins.clean, twins.clean, plot)
        unasked = "" if clean else "there is nothing to compare"
    except ValueError as error:
        unasked = str(error)
    if not unasked:
        try:
            leak = difference(clean, probe.ask(twins.planted(probe.as_of), twins.clean, plot))
        except ValueError as error:
            leak = f"what was planted stops it: {error}"
    return Answer(probe=probe.name, as_of=probe.as_of, moment=plot.moment, leak=leak, unasked=unasked, seconds=perf_counter() - started)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small tensors: more threads only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
