"""Bring the catalogue up to what lies in the landing folders."""

from collections.abc import Mapping

from feature_store.catalogue import conform_catalogue, upsert
from feature_store.intake import take_in
from feature_store.layout import Workspace
from feature_store.quarantine import write_refused
from feature_store.schema import CATALOGUE
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source, require_rows, time_rule
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Read every file anew, in order of name, over the rows that stand: a file put back to an older state counts as much as a new one."""
    fingerprint = context.fingerprint  # before the listing: a file that arrives meanwhile makes the next night run again
    workspace, settings, times = context.workspace, context.config.sources, time_rule(context.config)
    table = workspace.read("catalogue") if workspace.exists("catalogue") else None
    items = table.scan(CATALOGUE).collect() if table else CATALOGUE.empty()
    files = context.progress.track(list_source(settings.catalogue, workspace), what="reading the catalogue")
    intake = take_in(files, CATALOGUE, lambda raw, _file: conform_catalogue(raw, times))
    require_rows(context, intake.unreadable, enough=table is not None or bool(intake.sources), folders=settings.catalogue)
    upserted = upsert(items, intake.rows)
    with workspace.write("catalogue") as writer:
        writer.write(upserted.rows, CATALOGUE)
        write_refused(writer, intake.refused)
        facts = {
            "rows": upserted.rows.height,
            "new": upserted.new,
            "changed": upserted.changed,
            "quarantined": intake.refused.height,
            "sources": intake.sources,
            "unreadable": intake.unreadable,
        }
        context.commit(writer, facts=facts, fingerprint=fingerprint)


def _landing(config: Config, workspace: Workspace) -> Mapping[str, str]:
    return landing_digests(config.sources.catalogue, workspace)


STAGE = Stage(name="ingest_catalogue", reads=(), writes="catalogue", config=("sources",), dated=False, run=run, extra=_landing)
