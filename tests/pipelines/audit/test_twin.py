from pathlib import Path

import pytest

from feature_store.layout import Workspace
from feature_store.splits import Cuts
from pipelines.audit.twin import small_config
from pipelines.config import parse_config
from tests.support.behaviour import day

CUTS = Cuts(ranker=day(10), validation=day(20), test=day(30), date=day(40))


@pytest.mark.parametrize(("set_to", "asked"), [("auto", "window"), ("window", "window"), ("last_choices", "last_choices")])
def test_how_many_came_back_in_a_window_does_not_decide_what_a_copy_holds_out_of_learning(tmp_path: Path, set_to: str, asked: str) -> None:
    config = parse_config({"workspace": str(tmp_path), "cuts": {"choose_by": set_to}})
    small = small_config(config, Workspace(tmp_path / "copy"), CUTS, num_items=10)
    assert small.cuts.choose_by == asked
    assert (small.cuts.ranker, small.cuts.validation, small.cuts.test) == (day(10), day(20), day(30))
