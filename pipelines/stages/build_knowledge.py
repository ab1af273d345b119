"""Gather what is known of items as triples (item_id, relation, entity): from attributes, from files, and one hop further."""

from collections.abc import Mapping

import polars as pl

from feature_store.conform import conform
from feature_store.intake import Intake, take_in
from feature_store.knowledge import shared_entities, triples_of_attributes, two_hops
from feature_store.layout import Workspace
from feature_store.quarantine import REFUSED_ROWS, write_refused
from feature_store.schema import CATALOGUE, ENTITY_LINKS, KNOWLEDGE, Table
from feature_store.times import TimeRule
from pipelines.config import Config
from pipelines.landing import landing_digests, list_source, require_rows
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Write the table `knowledge`; empty where [knowledge] names nothing."""
    fingerprint, settings = context.fingerprint, context.config.knowledge
    catalogue = context.read("catalogue").scan(CATALOGUE).collect()
    given, links = _read(context, settings.file, KNOWLEDGE), _read(context, settings.links, ENTITY_LINKS)
    told = triples_of_attributes(catalogue, settings.from_attributes, separator=settings.separator)
    direct = pl.concat([told, given.rows.join(catalogue, on="item_id", how="semi")]).unique(maintain_order=True)
    triples = two_hops(direct, links.rows)
    kept = shared_entities(triples, min_items=settings.min_items)
    refused = pl.concat([given.refused, links.refused])
    with context.workspace.write(context.stage.writes) as writer:
        writer.write(kept.sort(KNOWLEDGE.key), KNOWLEDGE)
        write_refused(writer, refused)
        facts = {
            "rows": kept.height,
            "quarantined": refused.height,
            "unknown_items": given.rows.join(catalogue, on="item_id", how="anti").height,
            "relations": _relations(triples, kept),
        }
        context.commit(writer, facts=facts, fingerprint=fingerprint)


def _read(context: StageContext, file: str, table: Table) -> Intake:
    """Rows of a landing file or folder; none where no file is named."""
    if not file:
        return Intake(rows=table.empty(), refused=REFUSED_ROWS.empty(), sources={}, unreadable={})
    intake = take_in(
        list_source([file], context.workspace),
        table,
        lambda raw, _file: conform(raw, table, needed=table.schema.names(), defaults={}, times=TimeRule()),
    )
    require_rows(context, intake.unreadable, enough=bool(intake.sources), folders=[file])
    return intake


def _relations(triples: pl.DataFrame, kept: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Relation -> entities that are kept, those too rare, and items that have one that is kept."""
    entities, left = (dict(rows.group_by("relation").agg(pl.col("entity").n_unique()).iter_rows()) for rows in (triples, kept))
    items = dict(kept.group_by("relation").agg(pl.col("item_id").n_unique()).iter_rows())
    return {
        name: {"entities": left.get(name, 0), "rare": entities[name] - left.get(name, 0), "items": items.get(name, 0)}
        for name in sorted(entities)
    }


def _landing(config: Config, workspace: Workspace) -> Mapping[str, str]:
    return landing_digests([file for file in (config.knowledge.file, config.knowledge.links) if file], workspace)


STAGE = Stage(name="build_knowledge", reads=("catalogue",), writes="knowledge", config=("knowledge",), dated=False, run=run, extra=_landing)
