"""Judge models on a window they have not learned from, and write values, report and page."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import CATALOGUE
from feature_store.splits import Cuts
from pipelines.config import Config
from pipelines.reports.evaluation_page import render_page
from pipelines.reports.showcase import build_showcases
from pipelines.reports.thumbnails import Thumbnails
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.evaluation.compare import compare
from recsys.evaluation.config import EvaluationConfig, GateConfig
from recsys.evaluation.gates import Claim, Gate, check_gates
from recsys.evaluation.judge import Judgement, Recommender, judge
from recsys.evaluation.judge_baselines import judge_baselines
from recsys.evaluation.per_user import gather, to_frame
from recsys.evaluation.slices import build_slices
from recsys.evaluation.summary import summarise
from recsys.evaluation.truth import Truth, build_truth
from recsys.evaluation.what_to_look_at import what_to_look_at

Phase = Literal["validation", "test"]

COMPARED_IN = ("ndcg@10", "recall@100")
CLAIMS = {"slate": "ndcg@10", "retriever": "recall@100"}
"""What each model of the night answers for; the gates ask this of those that were judged."""
ADVISED = "retriever beats popularity"
"""The gate that, where it refuses, says what to look at."""


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
    phase: Phase,
    cuts: Cuts,
    config: EvaluationConfig,
    gates: GateConfig,
    index: Mapping[str, Any],
    ranker: Mapping[str, Any],
    champion: Sequence[Recommender] = (),
    answered: Sequence[Gate] = (),
    reviews: Mapping[str, Any] | None = None,
    parity: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Judge recommenders and baselines on one window.

    Args:
        recommenders: The night's models, trained before the window; those called `retriever` and `slate` must pass the gates.
        past: What was known when the window began.
        window: Events of the window.
        items: The catalogue.
        phase: `validation`: [t0, t1), where choices are made; `test`: [t1, date), where nothing may be chosen.
        cuts: For ages, candidates and the report.
        config: Baselines, resamples, seed.
        gates: What is allowed.
        index: Facts of the validation index, `recall_at_100` among them.
        ranker: Facts of the ranker: what its own held-out users said of it.
        champion: Twins of the champion's models, trained to the same cut and called as the night's own.
        answered: Gates that something else has answered.
        reviews: Facts of the table `review_sentiment`, for the report.
        parity: Facts of the table `parity`, for the report.
        training: What the retriever's training told of itself, for advice where it is no better than popularity.

    Raises:
        ValueError: Nobody can be judged, or a model returned what cannot be ordered.
    """
    start_of_window = cuts.validation if phase == "validation" else cuts.test
    truth = build_truth(past, window, candidates=items.available(start_of_window), most_users=config.most_users)
    judgements, costs = [], {}
    for recommender in recommenders:
        start = perf_counter()
        judgements.append(judge(recommender, truth))
        costs[recommender.name] = {"judge_seconds": perf_counter() - start}
    baselines = judge_baselines(past, items, truth, config)
    for choice in baselines.chosen:
        judgements.append(choice.judgement)
        costs[choice.scorer.name] = {"fit_seconds": choice.fit_seconds, "judge_seconds": choice.judge_seconds}
    slices = build_slices(truth, items, cut=start_of_window, most_categories=config.report_categories)
    judged = gather(judgements, truth, slices)
    draws = {"resamples": config.bootstrap_resamples, "seed": config.seed}
    claims = [Claim(model, metric) for model, metric in CLAIMS.items() if model in judged]
    answers = check_gates(
        judged,
        claims=claims,
        champion=gather([judge(twin, truth) for twin in champion], truth, slices),
        index_recall=float(index["recall_at_100"]),
        config=gates,
        **draws,
    )
    if training is not None:
        answers = [_advised(gate, truth, training) if gate.name == ADVISED and not gate.passed else gate for gate in answers]
    answers += answered
    first = claims[0].model if claims else judgements[0].name
    report = {
        "format": 1,
        "phase": phase,
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
        "ranker": dict(ranker),
        "reviews": None if reviews is None else dict(reviews),
        "parity": None if parity is None else dict(parity),
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


def _advised(gate: Gate, truth: Truth, training: Mapping[str, Any]) -> Gate:
    advice = what_to_look_at(truth, training, ahead=gate.found > 0)
    return replace(gate, message=f"{gate.message}. Look at: {'; '.join(advice)}")


def _counts(truth: Truth, items: Items) -> dict[str, Any]:
    return {
        "users": truth.num_users,
        "users_new": int((truth.chosen["new"].counts() > 0).sum()),
        "users_without_past": int(truth.past.without_events(truth.rows).sum()),
        "items": len(items),
        "candidates": int(truth.candidates.sum()),
        "pairs": {scope: len(chosen.user) for scope, chosen in truth.chosen.items()},
        "unavailable_pairs": dict(truth.num_unavailable),
        "lost_users": truth.num_lost_users,
        "unasked_users": truth.num_unasked,
        "tied_share": truth.tied_share,
    }


def write_evaluation(folder: Path, evaluation: Evaluation, catalogue: TableReader, config: Config) -> dict[str, Any]:
    """Write per_user.parquet, report.json, costs.json and report.html.

    Returns:
        Facts for the manifest: rows, gates and whether all of them were passed.
    """
    rows = catalogue.scan(CATALOGUE).collect()
    images = Thumbnails(config.resolve(config.sources.images), rows["image_uri"].to_list())
    titles = [title or item_id for title, item_id in zip(rows["title"].to_list(), rows["item_id"].to_list(), strict=True)]
    first = next(entry for entry in evaluation.judgements if entry.name == evaluation.report["first"])
    showcases = build_showcases(first, evaluation.truth, titles=titles, image=images, num_users=config.evaluation.report_users)
    evaluation.per_user.write_parquet(folder / "per_user.parquet", compression="zstd")
    write_json(folder / "report.json", evaluation.report)
    write_json(folder / "costs.json", evaluation.costs)
    (folder / "report.html").write_text(render_page(evaluation.report, evaluation.costs, showcases), encoding="utf-8")
    passed = all(gate.passed for gate in evaluation.gates)
    facts: dict[str, Any] = _plain({"rows": evaluation.per_user.height, "gates": evaluation.report["gates"], "passed": passed})
    return facts


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as JSON into a folder that need not exist yet; NaN, which JSON does not know, becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(values), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
