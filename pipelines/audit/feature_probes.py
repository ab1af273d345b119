"""What cuts, features and the ranker's lists make of a twin as of a moment."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import polars as pl

from feature_store.features.item_rates import with_rates
from feature_store.schema import EXAMPLES, ITEM_FEATURES, REVIEW_SENTIMENT
from pipelines.audit.planting import Plot, late_values
from pipelines.audit.twin import Seen, Twin
from pipelines.config import CutsConfig
from pipelines.inputs import resolve_cuts
from pipelines.stages.train_ranker import build_lists, tasks_of
from recsys.data.further import FURTHER
from recsys.data.interactions import microseconds
from recsys.data.items import ALWAYS
from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import build_ranking_items, present_further
from recsys.models.baselines.build import build_baseline


def cuts(twin: Twin, _clean: Twin, _plot: Plot) -> Mapping[str, Seen]:
    """The moments that part learning from judging, as quantiles of the log."""
    found = resolve_cuts(replace(twin.config, cuts=CutsConfig()), twin.workspace.read("events"), date=twin.cuts.date)
    return {entry.name: getattr(found, entry.name).isoformat() for entry in fields(found)}


def item_features(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Rows of the night's item features that hold from the moment or from earlier on."""
    rows = twin.made("item_features").scan(ITEM_FEATURES).filter(pl.col("event_time") <= plot.moment)
    return {"item_features": rows.collect()}


def review_sentiment(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """What the words of the reviews say that were known before the moment."""
    rows = twin.made("review_sentiment").scan(REVIEW_SENTIMENT)
    return {"review_sentiment": rows.filter(pl.max_horizontal("event_time", "known_at") < plot.moment).collect()}


def ranking_items(twin: Twin, clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Items as the ranker reads them at the moment, out of features some of which are not to be found yet."""
    features = with_rates(twin.made("item_features").scan(ITEM_FEATURES).collect(), since=twin.cuts.ranker)
    features = features if twin is clean else late_values(features, plot)
    found = build_ranking_items(twin.items, features, moment=plot.moment, further=FURTHER)
    seen: dict[str, Seen] = {name: getattr(found, name) for name in ("wanted", "click_rate", "mean_rating", "price", "category")}
    seen["age"] = np.where(found.born == ALWAYS, -1, np.maximum(microseconds(plot.moment) - found.born, 0))
    seen |= {str(name): values for name, values in found.further.items()}
    return seen | {f"{name} vectors": found.vectors[name] for name in found.modalities}


def ranking_lists(twin: Twin, clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Candidates and features of the requests up to the moment; requests and retrieval scores are the clean twin's."""
    examples = clean.made("examples").scan(EXAMPLES).collect()
    features = with_rates(twin.made("item_features").scan(ITEM_FEATURES).collect(), since=twin.cuts.ranker)
    lists = build_lists(
        examples.filter(pl.col("predicted_at") <= plot.moment),
        twin.past(twin.cuts.validation),
        twin.items,
        features,
        build_baseline("popularity", clean.past(clean.cuts.ranker), clean.items),
        twin.config.ranker,
        tasks=tasks_of(examples),
        history_length=twin.config.retriever.history_length,
    )
    names = feature_names(sorted(twin.items.vectors), present_further(features, twin.config.ranker.further))
    return {"candidates": lists.item_index} | {name: lists.features[:, :, place] for place, name in enumerate(names)}
