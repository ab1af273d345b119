"""Train the champion's settings to tonight's validation cut, where they differ from tonight's: the only fair way to compare the two."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from feature_store.layout import Workspace
from pipelines.config import Config, ConfigError, parse_config
from pipelines.releases import ReleaseShelf
from pipelines.stage import Stage, StageContext
from pipelines.window_training import train_for_window
from recsys.models.retriever import save_retriever
from recsys.training.config import RetrieverConfig


def run(context: StageContext) -> None:
    """Write the twin below `validation/`; nothing where there is no champion, or one with the same settings."""
    settings = champions_settings(context.config, context.workspace)
    with context.workspace.write(context.stage.writes) as writer:
        if settings is not None:
            save_retriever(writer.folder / "validation", train_for_window(context, settings, bar="champion's twin"))
        context.commit(writer, facts={"rows": int(settings is not None)})


def champions_settings(config: Config, workspace: Workspace) -> RetrieverConfig | None:
    """How the champion's retriever was trained; None where there is no champion, or it was trained just as tonight's is."""
    shelf = ReleaseShelf(workspace.releases)
    champion = shelf.champion()
    if champion is None:
        return None
    told: dict[str, Any] = shelf.describe(champion.release_id).get("settings", {}).get("retriever", {})
    of_data = ("modalities", "user_attributes")  # one that is gone takes no part
    try:
        settings = parse_config({"retriever": {key: value for key, value in told.items() if key not in of_data}}).retriever
    except ConfigError:  # of another version of the code: nothing that could be trained tonight
        return None
    modalities, attributes = (tuple(told.get(key, getattr(settings, key))) for key in of_data)
    settings = replace(settings, modalities=modalities, user_attributes=attributes)
    return None if settings == config.retriever or not told else settings


def _extra(config: Config, workspace: Workspace) -> Mapping[str, str]:
    settings = champions_settings(config, workspace)
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode()).hexdigest() if settings else "none"
    return {"champions_settings": digest}


STAGE = Stage(
    name="train_twin",
    reads=("events", "users", "catalogue", "item_embeddings", "knowledge"),
    writes="champion_twin",
    config=("relevance", "cuts"),
    sees={"validation/model": "validation", "": "test"},
    run=run,
    extra=_extra,
)
