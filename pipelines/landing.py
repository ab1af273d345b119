"""What both ingestion stages ask of the landing folders."""

from collections.abc import Mapping, Sequence

from rich.markup import escape

from feature_store.errors import LandingError
from feature_store.landing import LandingFile, list_landing
from feature_store.layout import Workspace
from feature_store.times import TimeRule
from pipelines.config import Config
from pipelines.stage import StageContext


def list_source(folders: Sequence[str], workspace: Workspace) -> list[LandingFile]:
    """The files in landing folders of the config, relative to the workspace unless absolute."""
    return list_landing([workspace.root / folder for folder in folders], root=workspace.root)


def landing_digests(folders: Sequence[str], workspace: Workspace) -> Mapping[str, str]:
    """Name and content of every landing file: what makes an ingestion run again."""
    return {file.name: file.digest for file in list_source(folders, workspace)}


def time_rule(config: Config) -> TimeRule:
    """What times in landing files mean that do not say it themselves."""
    return TimeRule(unit=config.sources.time_unit, naive_utc=config.sources.naive_times == "utc")


def require_rows(context: StageContext, unreadable: Mapping[str, str], *, enough: bool, folders: Sequence[str]) -> None:
    """Tell of every file that could not be read, and refuse to begin a table with nothing.

    Args:
        context: Of the stage.
        unreadable: Name of each such file -> why.
        enough: There is a table already, or a file that could be read.
        folders: Where the files lie.

    Raises:
        LandingError: It is not enough.
    """
    for name, reason in unreadable.items():
        context.progress.say(escape(f"  {name} {reason}"))
    if enough:
        return
    where = f"{', '.join(folders)} below {context.workspace.root}"
    if unreadable:
        told = "; ".join(f"{name} {reason}" for name, reason in unreadable.items())
        raise LandingError(f"{context.stage.name}: no file in {where} can be read: {told}")
    raise LandingError(
        f"{context.stage.name}: there is no file in {where}. Fill it with `vitrine import`, drop Parquet, CSV or JSON-lines files there, "
        f"or name another folder in the config."
    )
