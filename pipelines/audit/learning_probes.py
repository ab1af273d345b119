"""What loading, counting, sampling and fitting make of a twin as of a moment."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.audit.planting import NEWCOMERS, Plot
from pipelines.audit.twin import Seen, Twin
from pipelines.inputs import load_passed_over
from recsys.data.co_clicks import co_click_pairs
from recsys.data.interactions import Interactions, microseconds
from recsys.data.offers import offered_from
from recsys.data.popularity import expected_popularity, log_rate_on_offer
from recsys.data.relevance import NUM_KINDS
from recsys.data.sequences import SequenceBatch
from recsys.data.tensors import item_batch
from recsys.evaluation.judge_baselines import judge_baselines
from recsys.evaluation.truth import Truth, build_truth
from recsys.training.content_worth import content_worth
from recsys.training.inputs import known_items, training_sequences
from recsys.training.linear_part import linear_columns
from recsys.training.prior import HALF_LIVES_DAYS, Prior


def interactions(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Behaviour before the moment: loaded so, and cut so out of all that the night knows."""
    everything = twin.past(twin.cuts.date)
    return {
        "loaded": _rows(twin.past(plot.moment)),
        "before": _rows(everything.before(plot.moment)),
        "between": _rows(everything.between(plot.moment - timedelta(days=30), plot.moment)),
        **_known("users loaded", twin.past(plot.moment)),
        **_known("users before", everything.before(plot.moment)),
    }


def candidates(twin: Twin, clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Items that may be shown at the moment, no newcomer among them, and those whose ids mean something by then."""
    available = twin.items.available(plot.moment)
    if twin is clean:
        available[-NEWCOMERS:] = False  # they come after every moment
    known = known_items(twin.past(plot.moment), twin.config.retriever)
    return {"available": available, "known": known}


def popularity(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Counts before the moment, since when items are on offer, and the prior made of both."""
    past = twin.past(plot.moment)
    found: dict[str, Seen] = {"offered_from": offered_from(twin.items, past)}
    for days in HALF_LIVES_DAYS:
        found[f"expected, {days:.0f} days"] = expected_popularity(past, twin.items, now=plot.moment, half_life_days=days)
        found[f"prior, {days:.0f} days"] = Prior(half_life_days=days).log_popularity(past, twin.items, now=plot.moment)
    return found


def training_batches(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """What the retriever is dealt in an epoch, how often its negatives are drawn, and the biases it starts from."""
    past, config = twin.past(plot.moment), twin.config.retriever
    batches = list(training_sequences(past, config).epoch(0))
    found: dict[str, Seen] = {
        entry.name: np.concatenate([getattr(batch, entry.name).ravel() for batch in batches]) for entry in fields(SequenceBatch)
    }
    found["negatives"] = np.bincount(past.item_index, minlength=past.num_items)
    offered = offered_from(twin.items, past)
    found["biases"] = log_rate_on_offer(past, offered, start=int(past.event_time.min()), end=microseconds(plot.moment))
    return found


def passed_over(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """What users were shown and did nothing with, of which negatives are drawn."""
    settings = replace(twin.config.retriever, passed_over_negatives=1, full_softmax_items=0)
    found = load_passed_over(twin.workspace.read("events"), twin.items, twin.config.relevance, before=plot.moment, settings=settings)
    assert found is not None
    users = np.repeat(found.user_ids, np.diff(found.offsets)).tolist()
    return {"pairs": pl.DataFrame({"user_id": users, "item_index": found.item_index}, schema_overrides={"user_id": pl.String})}


def co_clicks(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """Pairs of items that encoders are fine-tuned on."""
    return {"pairs": co_click_pairs(twin.past(plot.moment), within_hours=twin.config.fine_tune.co_click_hours)}


def content_worths(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """What the log says each modality is worth."""
    past, vectors = twin.past(plot.moment), twin.items.vectors
    batch = item_batch(twin.items, has_id=known_items(past, twin.config.retriever), modalities=tuple(vectors))
    bands = {name: [slice(0, values.shape[1])] for name, values in vectors.items()}
    return {name: worth.numpy() for name, worth in content_worth(batch, bands, past, seed=twin.config.retriever.seed).items()}


def further_parts(twin: Twin, _clean: Twin, plot: Plot) -> Mapping[str, Seen]:
    """What the log says of pairs of items, in closed form."""
    columns = linear_columns(twin.past(plot.moment), kind_worth=(0.0, *[1.0] * (NUM_KINDS - 1)), seed=twin.config.retriever.seed)
    return {} if columns is None else {"linear": columns.astype(np.float64)}


def truth_past(twin: Twin, _clean: Twin, _plot: Plot) -> Mapping[str, Seen]:
    """What models that are judged on the validation window may know."""
    truth = _truth(twin)
    return {"past": _rows(truth.past), "candidates": truth.candidates}


def truth(twin: Twin, _clean: Twin, _plot: Plot) -> Mapping[str, Seen]:
    """What models are judged by on the validation window."""
    found = _truth(twin)
    choices = {f"{name} {scope}": getattr(chosen, name) for scope, chosen in found.chosen.items() for name in ("user", "item")}
    return {"users": pl.DataFrame({"user_id": found.user_ids.tolist()}), **choices}


def baselines(twin: Twin, _clean: Twin, _plot: Plot) -> Mapping[str, Seen]:
    """Scores of every baseline of the night, fitted and judged as `evaluate_models` does."""
    past = twin.past(twin.cuts.validation)
    judged = judge_baselines(past, twin.items, _truth(twin), twin.config.evaluation)
    users = np.arange(-1, past.num_users)
    return {choice.scorer.name: choice.scorer.scores(past, users) for choice in judged.chosen}


def _truth(twin: Twin) -> Truth:
    window = twin.past(twin.cuts.test).between(twin.cuts.validation, twin.cuts.test)
    return build_truth(twin.past(twin.cuts.validation), window, candidates=twin.items.available(twin.cuts.validation))


def _rows(past: Interactions) -> pl.DataFrame:
    columns = {"item_index": past.item_index, "kind": past.kind, "event_time": past.event_time, "known_at": past.known_at}
    return pl.DataFrame({"user_id": past.user_ids[past.user_row].tolist(), **columns}, schema_overrides={"user_id": pl.String})


def _known(name: str, past: Interactions) -> Mapping[str, Seen]:
    """What is known of users beside events."""
    return {
        f"{name}, {attribute}": pl.DataFrame(
            {
                "user_id": past.user_ids[np.repeat(np.arange(past.num_users), np.diff(found.offsets))].tolist(),
                "value": [found.values[index] for index in found.index],
                "known_at": found.known_at,
            }
        )
        for attribute, found in past.attributes.items()
    }
