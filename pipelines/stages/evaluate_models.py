"""Judge what the night has learned on a window it has not learned from; makes nothing that is served."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from feature_store.schema import CATALOGUE
from feature_store.splits import Cuts
from pipelines.inputs import load_interactions, load_items, resolve_cuts
from pipelines.reports.evaluation_page import render_page
from pipelines.reports.showcase import build_showcases
from pipelines.reports.thumbnails import Thumbnails
from pipelines.stage import Stage, StageContext
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.evaluation.compare import compare
from recsys.evaluation.config import EvaluationConfig, GateConfig
from recsys.evaluation.gates import Claim, Gate, PerUser, check_gates
from recsys.evaluation.judge import FullRanking, Judgement, Recommender, judge
from recsys.evaluation.judge_baselines import judge_baselines
from recsys.evaluation.per_user import gather, to_frame
from recsys.evaluation.slices import build_slices
from recsys.evaluation.summary import summarise
from recsys.evaluation.truth import Truth, build_truth

COMPARED_IN = ("ndcg@10", "recall@100")
CLAIMS = {"slate": "ndcg@10", "retriever": "recall@100"}
"""What each model of the night answers for; the gates ask this of those that were judged."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a night's models are worth."""

    per_user: pl.DataFrame
    report: dict[str, Any]
    """Everything but times; the same for the same data, config and seed."""
    costs: dict[str, dict[str, float]]
    """Model -> seconds to fit (baselines) and to judge."""
    gates: tuple[Gate, ...]
    judgements: tuple[Judgement, ...]
    truth: Truth


def evaluate_models(
    recommenders: Sequence[Recommender],
    past: Interactions,
    window: Interactions,
    items: Items,
    *,
    cuts: Cuts,
    config: EvaluationConfig,
    gates: GateConfig,
    index: Mapping[str, Any],
    champion: Mapping[str, PerUser] | None = None,
) -> Evaluation:
    """Judge recommenders and baselines on the validation window.

    Args:
        recommenders: The night's models, trained before `cuts.validation`; those called `retriever` and `slate` must pass the gates.
        past: What was known at `cuts.validation`.
        window: Events of [validation, test).
        items: The catalogue.
        cuts: For ages, candidates and the report.
        config: Baselines, resamples, seed.
        gates: What is allowed.
        index: Facts of the validation index, `recall_at_100` among them.
        champion: Values of the champion's twin, trained to the same cut; see `recsys.evaluation.per_user`.

    Raises:
        ValueError: Nobody can be judged, or a model returned what cannot be ordered.
    """
    candidates = items.available(cuts.validation)
    truth = build_truth(past, window, candidates=candidates)
    judgements, costs = [], {}
    for recommender in recommenders:
        start = perf_counter()
        judgements.append(judge(recommender, truth))
        costs[recommender.name] = {"judge_seconds": perf_counter() - start}
    baselines = judge_baselines(past, items, truth, config)
    for choice in baselines.chosen:
        judgements.append(choice.judgement)
        costs[choice.scorer.name] = {"fit_seconds": choice.fit_seconds, "judge_seconds": choice.judge_seconds}
    slices = build_slices(truth, items, cut=cuts.validation, most_categories=config.report_categories)
    judged = gather(judgements, truth, slices)
    draws = {"resamples": config.bootstrap_resamples, "seed": config.seed}
    claims = [Claim(model, metric) for model, metric in CLAIMS.items() if model in judged]
    answers = check_gates(judged, claims=claims, champion=champion, index_recall=float(index["recall_at_100"]), config=gates, **draws)
    first = claims[0].model if claims else judgements[0].name
    report = {
        "format": 1,
        "phase": "validation",
        "cuts": {name: moment.isoformat() for name, moment in asdict(cuts).items()},
        "counts": _counts(truth, items),
        "slices": {
            part.name: {"choices": int(part.pairs.sum()), "users": len(np.unique(truth.chosen["new"].user[part.pairs]))} for part in slices
        },
        "models": summarise(judgements, judged, truth, slices, items, **draws),
        "first": first,
        "comparisons": [asdict(entry) for entry in compare(judged, first=first, metrics=COMPARED_IN, **draws)],
        "tuning": {choice.scorer.name: [asdict(trial) for trial in choice.trials] for choice in baselines.chosen if choice.trials},
        "skipped": baselines.skipped,
        "index": dict(index),
        "gates": [asdict(gate) for gate in answers],
        "bootstrap": draws,
    }
    return Evaluation(
        per_user=to_frame(judgements, judged, truth),
        report=report,
        costs=costs,
        gates=tuple(answers),
        judgements=tuple(judgements),
        truth=truth,
    )


def _counts(truth: Truth, items: Items) -> dict[str, Any]:
    return {
        "users": truth.num_users,
        "users_new": int((truth.chosen["new"].counts() > 0).sum()),
        "users_without_past": int((truth.rows < 0).sum()),
        "items": len(items),
        "candidates": int(truth.candidates.sum()),
        "pairs": {scope: len(chosen.user) for scope, chosen in truth.chosen.items()},
        "unavailable_pairs": dict(truth.num_unavailable),
        "lost_users": truth.num_lost_users,
        "tied_share": truth.tied_share,
    }


def run(context: StageContext) -> None:
    """Judge the models of the night, write values, report and page."""
    from recsys.models.retriever import load_scorer  # torch starts only where it is needed

    config = context.config
    events, catalogue, retriever = context.read("events"), context.read("catalogue"), context.read("retriever")
    items = load_items(catalogue, context.read("item_embeddings"))
    cuts = resolve_cuts(config, events, date=context.date)
    past = load_interactions(events, items, config.relevance, before=cuts.validation)
    window = load_interactions(events, items, config.relevance, before=cuts.test).between(cuts.validation, cuts.test)
    recommenders: list[Recommender] = [FullRanking(load_scorer(retriever.folder / "validation", items))]
    index = dict(context.read("index").manifest.facts)
    evaluation = evaluate_models(recommenders, past, window, items, cuts=cuts, config=config.evaluation, gates=config.gates, index=index)
    rows = catalogue.scan(CATALOGUE).collect()
    images = Thumbnails(config.resolve(config.sources.images), rows["image_uri"].to_list())
    titles = [title or item_id for title, item_id in zip(rows["title"].to_list(), rows["item_id"].to_list(), strict=True)]
    first = next(entry for entry in evaluation.judgements if entry.name == evaluation.report["first"])
    showcases = build_showcases(first, evaluation.truth, titles=titles, image=images, num_users=config.evaluation.report_users)
    with context.workspace.write("evaluation") as writer:
        evaluation.per_user.write_parquet(writer.folder / "per_user.parquet", compression="zstd")
        write_json(writer.folder / "report.json", evaluation.report)
        write_json(writer.folder / "costs.json", evaluation.costs)
        page = render_page(evaluation.report, evaluation.costs, showcases)
        (writer.folder / "report.html").write_text(page, encoding="utf-8")
        facts = {
            "rows": evaluation.per_user.height,
            "gates": evaluation.report["gates"],
            "passed": all(gate.passed for gate in evaluation.gates),
        }
        context.commit(writer, facts=_plain(facts))


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as JSON; NaN, which JSON does not know, becomes null."""
    path.write_text(json.dumps(_plain(values), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


STAGE = Stage(
    name="evaluate_models",
    reads=("events", "catalogue", "item_embeddings", "retriever", "index", "ranker"),
    writes="evaluation",
    config=("sources", "relevance", "cuts", "evaluation", "gates"),
    run=run,
)
