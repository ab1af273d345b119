from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.config import Config
from pipelines.inputs import resolve_cuts
from recsys.data.interactions import microseconds
from tests.support.behaviour import day, items_of, random_interactions
from tests.support.tables import write_tables

LOG = random_interactions(0, num_users=20, num_items=10, num_events=200)


def test_the_cuts_do_not_move_by_what_becomes_known_after_the_night(tmp_path: Path) -> None:
    late = np.arange(len(LOG.item_index)) % 5 == 0
    known_at = np.where(late, microseconds(day(101)), LOG.known_at)
    told_late = write_tables(tmp_path / "late", replace(LOG, known_at=known_at), items_of(10)).read("events")
    untold = write_tables(tmp_path / "untold", LOG.keep(~late), items_of(10)).read("events")
    assert resolve_cuts(Config(), told_late, date=day(100)) == resolve_cuts(Config(), untold, date=day(100))
