"""The leak audit as a stage of the night; it lies here and not among the stages because it runs them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from pipelines.audit.answer import Answer
from pipelines.audit.leaks import audit_leaks
from pipelines.audit.twins import OWN_TABLE
from pipelines.audit.windows import check_windows
from pipelines.inputs import resolve_cuts
from pipelines.stage import Stage, StageContext
from pipelines.stages.analyse_reviews import STAGE as ANALYSE_REVIEWS
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from pipelines.stages.build_index import STAGE as BUILD_INDEX
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.compute_item_features import STAGE as COMPUTE_ITEM_FEATURES
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from pipelines.stages.evaluate_models import STAGE as EVALUATE_MODELS
from pipelines.stages.judge_test import STAGE as JUDGE_TEST
from pipelines.stages.train_ranker import STAGE as TRAIN_RANKER
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from pipelines.stages.train_sasrec import STAGE as TRAIN_SASREC
from pipelines.stages.train_twin import STAGE as TRAIN_TWIN

WITH_TIMES = (ANALYSE_REVIEWS, COMPUTE_ITEM_FEATURES, COMPUTE_USER_FEATURES, BUILD_EXAMPLES, BUILD_SNAPSHOT)
"""Stages whose tables hold times, which are looked at as the night has made them."""
AUDITED = (*WITH_TIMES, TRAIN_RETRIEVER, TRAIN_TWIN, TRAIN_SASREC, BUILD_INDEX, TRAIN_RANKER, EVALUATE_MODELS, JUDGE_TEST)
"""Stages that run on the twins: all that read behaviour but `profile_inputs`, which nothing learns from, `publish_release`, which gathers
what they make and adds a count that is asked after as `popularity`, and `fine_tune_encoders`, whose clicks are asked after as `co_clicks`.
The one behind `vitrine evaluate --phase test` is among them."""
REPORT = "report.json"


def run(context: StageContext) -> None:
    """Write the table `leak_audit`: `report.json` with every answer; how long each took stands in the manifest alone."""
    events = context.read("events")
    cuts = resolve_cuts(context.config, events, date=context.date)
    answers = [answer for stage in WITH_TIMES for answer in check_windows(stage, context.read(stage.writes), cuts)]
    answers += audit_leaks(
        events,
        context.read("users"),
        context.read("catalogue"),
        context.read("item_embeddings"),
        context.read("knowledge"),
        config=context.config,
        cuts=cuts,
        stages=AUDITED,
        scratch=context.scratch,
        progress=context.progress,
    )
    facts = told(answers)
    for answer in answers:
        if answer.leak:
            context.progress.say(f"  [red]✗[/red] {escape(str(answer))}")
    with context.workspace.write(context.stage.writes) as writer:
        rows = [{**asdict(answer), "moment": answer.moment.isoformat()} for answer in answers]
        seconds = [row.pop("seconds") for row in rows]
        (writer.folder / REPORT).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        context.commit(writer, facts=facts, run={"seconds": seconds})


def told(answers: Sequence[Answer]) -> Mapping[str, Any]:
    """Facts of the table: how many answers there are, who saw what nobody could know, and who could not be asked.

    No more than names: gates, which repeat them, stand in a release, and that holds no user.
    """
    return {
        "rows": len(answers),
        "leaks": [f"{answer.probe} at {answer.as_of}" for answer in answers if answer.leak],
        "unasked": sorted({answer.probe for answer in answers if answer.unasked}),
    }


STAGE = Stage(
    name="audit_leaks",
    reads=("events", "users", "catalogue", "item_embeddings", "knowledge", *(stage.writes for stage in WITH_TIMES)),
    writes=OWN_TABLE,
    config=tuple(sorted({section for stage in AUDITED for section in stage.config})),
    run=run,
)
