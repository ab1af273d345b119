"""Landing files taken in as events, block by block, onto the disk: of a file that cannot be read to its end, nothing comes in."""

from collections.abc import Callable, Iterable

import polars as pl

from feature_store.errors import LandingError
from feature_store.event_runs import EventRuns
from feature_store.landing import LandingFile
from feature_store.landing_blocks import read_landing_blocks
from feature_store.quarantine import Refusal

BLOCK_SHARE = 64
"""A block is this part of the memory: a row of a few narrow columns takes many times its own bytes while it becomes an event."""


def take_in_events(
    files: Iterable[LandingFile],
    runs: EventRuns,
    conform: Callable[[pl.DataFrame], tuple[pl.DataFrame, Refusal]],
    *,
    prepare: Callable[[pl.DataFrame], pl.DataFrame] = lambda raw: raw,
) -> dict[str, str]:
    """Read landing files into runs, and close these; files whose content they hold already are passed over.

    Args:
        files: In the order in which they count.
        runs: What a killed ingestion has left there is gone on with. Of each file they are told {"file", "rows", "quarantined"}.
        conform: Parts rows into those that are events and the others.
        prepare: What becomes of rows before anything of them is kept, refused ones too; as many rows in the same order.

    Returns:
        Name of each file that cannot be read -> why.
    """
    unreadable = {}
    for file in files:
        if file.digest in runs.sources:
            continue
        rows = quarantined = 0
        try:
            for raw in map(prepare, read_landing_blocks(file.path, block_bytes=runs.memory_bytes // BLOCK_SHARE)):
                events, refusal = conform(raw)
                runs.add(events, refusal.describe(raw, source=file.name, digest=file.digest, first_row=rows))
                rows, quarantined = rows + raw.height, quarantined + len(refusal)
        except LandingError as error:
            runs.drop()
            unreadable[file.name] = str(error)
        else:
            runs.complete(file.digest, {"file": file.name, "rows": rows, "quarantined": quarantined})
    runs.close()
    return unreadable
