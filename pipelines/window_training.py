"""A retriever for the validation window alone: what the night's own is compared with."""

from pipelines.choosing_truth import open_choosing
from pipelines.inputs import load_interactions, load_items, load_passed_over, resolve_cuts
from pipelines.retriever_training import train_and_choose
from pipelines.stage import StageContext
from recsys.models.retriever import SavedRetriever
from recsys.training.config import RetrieverConfig


def train_for_window(context: StageContext, settings: RetrieverConfig, *, bar: str) -> SavedRetriever:
    """Train up to the validation cut and choose as the night's own retriever does.

    Args:
        context: Of a stage that reads events, users, catalogue, item_embeddings and knowledge.
        settings: How it is trained.
        bar: What the progress bar says.
    """
    items = load_items(context.read("catalogue"), context.read("item_embeddings"), context.read("knowledge"))
    events, relevance = context.read("events"), context.config.relevance
    cuts = resolve_cuts(context.config, events, date=context.date)
    window = load_interactions(events, items, relevance, before=cuts.test).between(cuts.validation, cuts.test)
    past = load_interactions(events, items, relevance, before=cuts.validation, users=context.read("users"))
    chosen_by = context.config.cuts.choose_by
    passed_over = load_passed_over(events, items, relevance, before=cuts.validation, settings=settings)
    choosing = open_choosing(past, window, candidates=items.available(cuts.validation), choose_by=chosen_by, passed_over=passed_over)
    track = context.progress.tracker(bar)
    return train_and_choose(items, choosing, settings, now=cuts.validation, scratch=context.scratch, track=track)
