"""Train the two-tower three times: for the ranker's window, for validation, and for the release."""

from dataclasses import asdict
from datetime import datetime

import torch

from pipelines.choosing_truth import open_choosing
from pipelines.inputs import load_interactions, load_items, load_passed_over, resolve_cuts
from pipelines.retriever_training import Chosen, train_and_choose, train_as_chosen
from pipelines.stage import Stage, StageContext
from pipelines.training_notes import note_lines, training_notes
from recsys.data.interactions import Interactions
from recsys.data.passed_over import PassedOver
from recsys.models.retriever import save_retriever


def run(context: StageContext) -> None:
    """Write one folder per cut; see `STAGE`."""
    config = context.config.retriever
    if config.threads:
        torch.set_num_threads(config.threads)
    items = load_items(context.read("catalogue"), context.read("item_embeddings"), context.read("knowledge"))
    events = context.read("events")
    cuts = resolve_cuts(context.config, events, date=context.date)
    unread = sorted(items.vectors.keys() - set(config.modalities))
    if unread:
        named = ", ".join(config.modalities) or "none"
        context.progress.say(f"  encoded and not read: {', '.join(unread)}; \\[retriever] modalities names {named}")
    sides = [name for name in config.modalities if name in items.vectors]
    if config.alignment and len(sides) < 2:
        context.progress.say(
            f"  \\[retriever] alignment does nothing: vectors that are read are {', '.join(sides) or 'none'}, and a loss takes two kinds"
        )

    if config.order == "free" and config.next_events != 1:
        context.progress.say("  \\[retriever] next_events does nothing: with order free no history keeps its order")

    def past(before: datetime) -> Interactions:
        return load_interactions(events, items, context.config.relevance, before=before, users=context.read("users"))

    def passed_over(before: datetime) -> PassedOver | None:
        return load_passed_over(events, items, context.config.relevance, before=before, settings=config)

    window = past(cuts.test).between(cuts.validation, cuts.test)
    choosing = open_choosing(
        past(cuts.validation),
        window,
        candidates=items.available(cuts.validation),
        choose_by=context.config.cuts.choose_by,
        passed_over=passed_over(cuts.validation),
    )
    with context.workspace.write(context.stage.writes) as writer:
        judged = train_and_choose(
            items,
            choosing,
            config,
            now=cuts.validation,
            scratch=context.scratch / "validation",
            track=context.progress.tracker("validation"),
        )
        save_retriever(writer.folder / "validation", judged)
        trainings = {"validation": judged.training}
        chosen = Chosen.from_json(judged.training)
        refits = {"ranker": cuts.ranker} | ({"released": cuts.date} if context.config.release.refit else {})
        for name, cut in refits.items():
            refitted = train_as_chosen(
                items,
                past(cut),
                config,
                chosen=chosen,
                now=cut,
                scratch=context.scratch / name,
                track=context.progress.tracker(name),
                passed_over=passed_over(cut),
            )
            save_retriever(writer.folder / name, refitted)
            trainings[name] = refitted.training
        if not context.config.release.refit:
            save_retriever(writer.folder / "released", judged)
        notes = training_notes(trainings)
        for line in note_lines(notes):
            context.progress.say(f"  {line}")
        facts = {"rows": len(items), **asdict(chosen), "epochs_chosen_by": choosing.told, "validation": judged.training["validation"]}
        context.commit(writer, facts=facts | notes)


STAGE = Stage(
    name="train_retriever",
    reads=("events", "users", "catalogue", "item_embeddings", "knowledge"),
    writes="retriever",
    config=("retriever", "relevance", "cuts", "release"),
    sees={"ranker/model": "ranker", "validation/model": "validation", "ranker/": "test", "validation/": "test", "": "date"},
    run=run,
)
