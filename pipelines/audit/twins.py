"""The clean twin, and those in which something was planted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from feature_store.layout import Workspace
from feature_store.schema import EXAMPLES
from feature_store.splits import Cuts
from pipelines.audit.planting import Plot, plant
from pipelines.audit.probes import MomentName
from pipelines.audit.tables import SmallTables
from pipelines.audit.twin import Twin, small_config
from pipelines.config import Config
from pipelines.parity.gate import nothing_compared
from pipelines.releases import RELEASE, ReleaseShelf
from pipelines.stage import Stage

OWN_TABLE = "leak_audit"
"""What the audit finds; in the twins, where the evaluation reads it too, it has found nothing."""


@dataclass(frozen=True, kw_only=True)
class Twins:
    """The clean twin, and beside it one per moment with what was planted there."""

    shop: SmallTables
    """What really happened, with newcomers."""
    cuts: Cuts
    config: Config
    stages: tuple[Stage, ...]
    num_items: int
    """Of the whole shop."""
    folder: Path
    """Where the workspaces lie."""
    _planted: dict[MomentName, Twin] = field(default_factory=dict)

    @cached_property
    def clean(self) -> Twin:
        """As it is."""
        return self._twin("clean", self.shop)

    def planted(self, as_of: MomentName) -> Twin:
        """With what was planted at a moment; made the first time it is asked for."""
        if as_of not in self._planted:
            self._planted[as_of] = self._twin(f"planted-{as_of}", plant(self.shop, self.plots[as_of]))
        return self._planted[as_of]

    @cached_property
    def plots(self) -> Mapping[MomentName, Plot]:
        """Each moment, and the cut behind it."""
        cuts = self.cuts
        return {
            "ranker": Plot(moment=cuts.ranker, until=cuts.validation, within_log=True),
            "request": Plot(moment=self._request(), until=cuts.validation, within_log=True),
            "validation": Plot(moment=cuts.validation, until=cuts.test, within_log=True),
            "test": Plot(moment=cuts.test, until=cuts.date, within_log=True),
            "date": Plot(moment=cuts.date, until=cuts.date + timedelta(days=1), within_log=False),
        }

    def _request(self) -> datetime:
        asked = self.clean.made("examples").scan(EXAMPLES).select("predicted_at").unique().sort("predicted_at").collect()
        return asked["predicted_at"][asked.height // 2] if asked.height else self.cuts.ranker

    def _twin(self, name: str, tables: SmallTables) -> Twin:
        workspace = Workspace(self.folder / name)
        tables.write(workspace)
        with workspace.write(OWN_TABLE) as writer:
            writer.commit(facts={"rows": 0, "leaks": [], "unasked": []})
        with workspace.write("parity") as writer:
            writer.commit(facts=nothing_compared("a twin serves nobody"))
        config = small_config(self.config, workspace, self.cuts, num_items=self.num_items)
        _crown(workspace, config)
        return Twin(workspace=workspace, config=config, cuts=self.cuts, stages=self.stages)


def _crown(workspace: Workspace, config: Config) -> None:
    """Give the workspace a champion with settings of its own, so that there is one whose twin is trained."""
    shelf = ReleaseShelf(workspace.releases)
    settings = replace(config.retriever, seed=config.retriever.seed + 1)
    folder = shelf.folder / "champion"
    folder.mkdir(parents=True)
    (folder / RELEASE).write_text(json.dumps({"settings": {"retriever": asdict(settings)}}), encoding="utf-8")
    shelf.promote(folder.name, why="the audit needs one")
