"""Tables as the arrays that stages work with, and the moments that part learning from judging."""

from datetime import datetime

import polars as pl

from feature_store.embeddings import read_embeddings
from feature_store.layout import TableReader
from feature_store.schema import CATALOGUE, EVENTS, KNOWLEDGE, USERS
from feature_store.splits import Cuts, check_order, quantile_time
from pipelines.config import Config
from recsys.data.interactions import Interactions, build_interactions, with_attributes
from recsys.data.items import Items, build_items
from recsys.data.passed_over import PassedOver, build_passed_over
from recsys.data.relevance import Relevance
from recsys.training.config import RetrieverConfig


def load_items(catalogue: TableReader, embeddings: TableReader | None = None, knowledge: TableReader | None = None) -> Items:
    """The catalogue as arrays, with the vectors of every modality that any item has, and with what a knowledge graph says.

    Raises:
        MixedEncodersError: The vectors of a modality come from more than one encoder.
    """
    encoded = {} if embeddings is None else read_embeddings(embeddings)
    return build_items(
        catalogue.scan(CATALOGUE).collect(),
        {name: rows for name, rows in encoded.items() if rows["presence"].any()},  # what nobody has costs no model a token
        None if knowledge is None else knowledge.scan(KNOWLEDGE).collect(),
    )


def load_interactions(
    events: TableReader, items: Items, relevance: Relevance, *, before: datetime, users: TableReader | None = None
) -> Interactions:
    """Behaviour that had happened, and was known, before a moment; with the table `users` also what else was known of them."""
    past = build_interactions(events.scan_files(EVENTS), vocabulary=items.vocabulary, relevance=relevance, known_before=before)
    return past if users is None else with_attributes(past, users.scan(USERS).filter(pl.col("known_at") < before).collect())


def load_passed_over(
    events: TableReader, items: Items, relevance: Relevance, *, before: datetime, settings: RetrieverConfig
) -> PassedOver | None:
    """What users had been shown and done nothing with before a moment; None where a training so set draws no negatives of it."""
    if not settings.passed_over_negatives or len(items) <= settings.full_softmax_items:
        return None
    return build_passed_over(events.scan(EVENTS), vocabulary=items.vocabulary, relevance=relevance, known_before=before)


def resolve_cuts(config: Config, events: TableReader, *, date: datetime) -> Cuts:
    """The moments of the config; where it gives none, quantiles of the times of the relevant events known before the date.

    Raises:
        ValueError: No event is relevant, or the moments do not follow one another.
    """
    kinds = [int(kind) for kind in config.relevance.relevant_kinds()]
    known = [rows.filter(pl.col("event_time") < date, pl.col("known_at") < date) for rows in events.scan_files(EVENTS)]
    relevant = [rows.filter(config.relevance.kind().is_in(kinds)).select("event_time") for rows in known]
    times = pl.concat([rows.collect() for rows in relevant])["event_time"]
    cuts = Cuts(
        ranker=config.cuts.ranker or quantile_time(times, config.cuts.ranker_quantile),
        validation=config.cuts.validation or quantile_time(times, config.cuts.validation_quantile),
        test=config.cuts.test or quantile_time(times, config.cuts.test_quantile),
        date=date,
    )
    check_order([("ranker", cuts.ranker), ("validation", cuts.validation), ("test", cuts.test), ("date", cuts.date)])
    return cuts
