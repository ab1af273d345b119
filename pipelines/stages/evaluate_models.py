"""Judge what the night has learned on a window it has not learned from; makes nothing that is served."""

from dataclasses import replace

from pipelines.audit.gate import leak_gate
from pipelines.inputs import load_interactions, load_items, resolve_cuts
from pipelines.judging import evaluate_models, write_evaluation
from pipelines.parity.gate import parity_gate
from pipelines.stage import Stage, StageContext
from recsys.data.ranking_items import load_ranking_items
from recsys.evaluation.config import SASREC
from recsys.evaluation.judge import FullRanking, Recommender
from recsys.evaluation.reranked import RerankedRecommender
from recsys.models.ranker import load_ranker
from recsys.models.retriever import load_scorer, training_of


def run(context: StageContext) -> None:
    """Judge the models of the night, write values, report and page."""
    config = context.config
    events, catalogue, retriever = context.read("events"), context.read("catalogue"), context.read("retriever")
    items = load_items(catalogue, context.read("item_embeddings"))
    cuts = resolve_cuts(config, events, date=context.date)
    past = load_interactions(events, items, config.relevance, before=cuts.validation, users=context.read("users"))
    window = load_interactions(events, items, config.relevance, before=cuts.test).between(cuts.validation, cuts.test)
    scorer, ranker = load_scorer(retriever.folder / "validation", items), context.read("ranker")
    slate = RerankedRecommender(
        base=scorer,
        ranker=load_ranker(ranker.folder),
        items=load_ranking_items(ranker.folder / "validation"),
        now=cuts.validation,
        depth=config.ranker.candidates,
    )
    recommenders: list[Recommender] = [slate, FullRanking(scorer)]
    twin = context.read("champion_twin").folder / "validation"
    champion: list[Recommender] = [FullRanking(load_scorer(twin, items))] if twin.is_dir() else []
    sasrec = context.read("sasrec").folder / "validation"
    if sasrec.is_dir():
        recommenders.append(FullRanking(replace(load_scorer(sasrec, items), name=SASREC)))
    index, parity = dict(context.read("index").manifest.facts), context.read("parity").manifest.facts
    evaluation = evaluate_models(
        recommenders,
        past,
        window,
        items,
        phase="validation",
        cuts=cuts,
        config=config.evaluation,
        gates=config.gates,
        index=index,
        ranker=dict(ranker.manifest.facts),
        champion=champion,
        answered=[leak_gate(context.read("leak_audit").manifest.facts), parity_gate(parity)],
        reviews=context.read("review_sentiment").manifest.facts,
        parity=parity,
        training=training_of(retriever.folder / "validation"),
    )
    with context.workspace.write(context.stage.writes) as writer:
        context.commit(writer, facts=write_evaluation(writer.folder, evaluation, catalogue, config))


STAGE = Stage(
    name="evaluate_models",
    reads=(
        "events",
        "users",
        "catalogue",
        "item_embeddings",
        "retriever",
        "champion_twin",
        "sasrec",
        "index",
        "ranker",
        "leak_audit",
        "review_sentiment",
        "parity",
    ),
    writes="evaluation",
    config=("sources", "relevance", "cuts", "ranker", "evaluation", "gates"),
    sees={"per_user": "test", "report.json": "date"},
    run=run,
)
