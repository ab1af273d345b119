"""Train SASRec on ids alone to tonight's validation cut: the baseline that a retriever with content has to be compared with."""

from dataclasses import asdict

from pipelines.config import Config
from pipelines.retriever_training import Chosen
from pipelines.stage import Stage, StageContext
from pipelines.window_training import train_for_window
from recsys.evaluation.config import SASREC
from recsys.models.retriever import save_retriever
from recsys.training.sasrec import sasrec_settings


def run(context: StageContext) -> None:
    """Write the model below `validation/`; nothing where the config asks for no such baseline."""
    with context.workspace.write(context.stage.writes) as writer:
        if not wanted(context.config):
            context.commit(writer, facts={"rows": 0})
            return
        trained = train_for_window(context, sasrec_settings(context.config.retriever), bar=SASREC)
        save_retriever(writer.folder / "validation", trained)
        context.commit(
            writer, facts={"rows": 1, **asdict(Chosen.from_json(trained.training)), "validation": trained.training["validation"]}
        )


def wanted(config: Config) -> bool:
    """Whether the report shall hold it."""
    return SASREC in config.evaluation.baselines


STAGE = Stage(
    name="train_sasrec",
    reads=("events", "users", "catalogue", "item_embeddings", "knowledge"),
    writes="sasrec",
    config=("retriever", "relevance", "cuts"),
    sees={"validation/model": "validation", "": "test"},
    run=run,
    extra=lambda config, _: {"wanted": str(wanted(config))},
)
