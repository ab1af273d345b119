"""`vitrine tune`: search for better settings of the retriever on the tables of the last night, and leave them to the next one."""

from dataclasses import asdict
from typing import Any

import torch
from rich.markup import escape

from pipelines.config import Config, parse_config
from pipelines.lock import alone
from pipelines.progress import Progress
from pipelines.reports.tuning_table import tuning_verdict
from pipelines.tuning import judged as judging
from pipelines.tuning.judged import Judge
from pipelines.tuning.result import conclude, describe, write_report
from pipelines.tuning.search import Search
from pipelines.tuning.space import parameters_of, space_around
from pipelines.tuning.study import open_study
from pipelines.validation_window import digest, open_window, scratch_of
from recsys.training.config import RetrieverConfig


def run_tuning(config: Config, *, own: RetrieverConfig, progress: Progress) -> dict[str, Any]:
    """Try settings until the budget of [tune] is spent, then write `tuned.toml`, or remove it where the config's own settings stay.

    A search belongs to the tables, the cuts, the code, the config's own settings and what is searched: with any other, another one starts.

    Args:
        config: As the night uses it, tuned settings and all: what a new search starts from and has to beat.
        own: The settings that the config itself names.
        progress: Bars and lines.

    Returns:
        What `tuning.json` holds: see `describe`.

    Raises:
        BusyError: Another search works in this workspace.
        ConfigError: There is no setting of a name in [tune] only.
        MissingTableError: No night has run yet.
        ValueError: Nobody in the window can be judged, or nothing can be learned with the settings of the night.
        KeyboardInterrupt: Somebody had enough; what is finished is concluded from all the same.
    """
    parameters = parameters_of(config.tune.only)
    if config.retriever.threads:
        torch.set_num_threads(config.retriever.threads)
    workspace = config.open_workspace()
    with alone(workspace.tuning / "tune.lock", work="search"):
        window = open_window(config)
        scratch = scratch_of("tuning", config, window.cuts, module=judging.__name__)
        folder = workspace.tuning / scratch.name
        folder.mkdir(exist_ok=True)
        name = digest({"own": asdict(own), "parameters": {name: asdict(parameter) for name, parameter in parameters.items()}})
        with open_study(folder / "studies.sqlite", name) as study:
            if "base" not in study.user_attrs:
                study.set_user_attr("base", asdict(config.retriever))
            search = Search(
                config=config,
                own=own,
                space=space_around(parse_config({"retriever": study.user_attrs["base"]}).retriever, own, parameters),
                judge=Judge(config=config, window=window, folder=folder, scratch=scratch),
                study=study,
                progress=progress,
            )
            search.ask_for_starting_points()
            try:
                search.run(after_trial=lambda: write_report(search, describe(search, None)))
            except KeyboardInterrupt:
                progress.say(escape(tuning_verdict(conclude(search))))
                raise
            return conclude(search)
