"""Judge on the window that nothing was chosen by: train up to its start with what validation chose, and look once."""

import json
from dataclasses import replace
from typing import Any

from feature_store.features.item_rates import with_rates
from feature_store.point_in_time import without_superseded
from feature_store.schema import ITEM_FEATURES
from pipelines.inputs import load_interactions, load_items, load_passed_over, resolve_cuts
from pipelines.judging import evaluate_models, write_evaluation
from pipelines.retriever_training import Chosen, train_as_chosen
from pipelines.stage import Stage, StageContext
from recsys.data.ranking_items import build_ranking_items
from recsys.evaluation.config import SASREC, EvaluationConfig
from recsys.evaluation.judge import FullRanking, Recommender
from recsys.evaluation.reranked import RerankedRecommender
from recsys.models.ranker import load_ranker
from recsys.models.retriever import save_retriever
from recsys.training.sasrec import sasrec_settings


def run(context: StageContext) -> None:
    """Write the retriever of the test cut beside values, report and page."""
    config = context.config
    events, catalogue = context.read("events"), context.read("catalogue")
    items = load_items(catalogue, context.read("item_embeddings"), context.read("knowledge"))
    cuts = resolve_cuts(config, events, date=context.date)
    past = load_interactions(events, items, config.relevance, before=cuts.test, users=context.read("users"))
    window = load_interactions(events, items, config.relevance, before=cuts.date).between(cuts.test, cuts.date)
    retriever = train_as_chosen(
        items,
        past,
        config.retriever,
        chosen=Chosen.from_json(context.read("retriever").manifest.facts),
        now=cuts.test,
        scratch=context.scratch,
        track=context.progress.tracker("test"),
        passed_over=load_passed_over(events, items, config.relevance, before=cuts.test, settings=config.retriever),
    )
    standing = without_superseded(context.read("item_features").scan_files(ITEM_FEATURES), key="item_id", moment=cuts.ranker)
    features = with_rates(standing, since=cuts.ranker)
    slate = RerankedRecommender(
        base=retriever.scorer(),
        ranker=load_ranker(context.read("ranker").folder),
        items=build_ranking_items(items, features, moment=cuts.test, further=config.ranker.further),
        now=cuts.test,
        depth=config.ranker.candidates,
    )
    recommenders: list[Recommender] = [slate, FullRanking(retriever.scorer())]
    sasrec = context.read("sasrec").manifest.facts
    if sasrec["rows"]:
        rival = train_as_chosen(
            items,
            past,
            sasrec_settings(config.retriever),
            chosen=Chosen.from_json(sasrec),
            now=cuts.test,
            scratch=context.scratch / SASREC,
            track=context.progress.tracker(f"{SASREC}, test"),
        )
        recommenders.append(FullRanking(replace(rival.scorer(), name=SASREC)))
    settled = as_validation_chose(config.evaluation, json.loads(context.read("evaluation").path("report.json").read_text(encoding="utf-8")))
    index = dict(context.read("index").manifest.facts)
    evaluation = evaluate_models(
        recommenders,
        past,
        window,
        items,
        phase="test",
        cuts=cuts,
        config=settled,
        gates=config.gates,
        index=index,
        ranker=dict(context.read("ranker").manifest.facts),
    )
    with context.workspace.write(context.stage.writes) as writer:
        save_retriever(writer.folder / "retriever", retriever)
        context.commit(writer, facts=write_evaluation(writer.folder, evaluation, catalogue, config))


def as_validation_chose(config: EvaluationConfig, report: dict[str, Any]) -> EvaluationConfig:
    """The same evaluation with each baseline at the one setting that validation found best."""
    best = {name: max(trials, key=lambda trial: trial["value"])["strength"] for name, trials in report["tuning"].items()}
    return replace(
        config,
        ease_strengths=(best.get("ease", config.ease_strengths[0]),),
        ials_strengths=(best.get("ials", config.ials_strengths[0]),),
        item_knn_neighbours=(best.get("item_knn", config.item_knn_neighbours[0]),),
        recent_days=(best.get("recent_popularity", config.recent_days[0]),),
    )


STAGE = Stage(
    name="judge_test",
    reads=(
        "events",
        "users",
        "catalogue",
        "item_embeddings",
        "knowledge",
        "item_features",
        "retriever",
        "sasrec",
        "index",
        "ranker",
        "evaluation",
    ),
    writes="test_evaluation",
    config=("sources", "relevance", "cuts", "retriever", "ranker", "evaluation", "gates"),
    sees={"retriever/": "test", "per_user": "date", "report.json": "date"},
    run=run,
)
