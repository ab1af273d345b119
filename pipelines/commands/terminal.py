"""What all commands share: where they print, how they name a config, how they end."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.config import Config, load_config, parse_override
from pipelines.progress import Progress

REFUSED_BY_GATE = 3
"""Exit code of a night whose release stays a challenger."""

console = Console()
errors = Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="TOML file of the shop; configs/ holds examples.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one key: section.key=value, the value in TOML. May be repeated.", metavar="KEY=VALUE"),
]
DEFAULT_CONFIG = Path("configs/nightly.toml")


def config_of(path: Path, overrides: list[str] | None = None) -> Config:
    """The config of a file, with what `--set` says."""
    return load_config(path, dict(parse_override(entry) for entry in overrides or []))


def night_config_of(path: Path, overrides: list[str] | None = None) -> Config:
    """The same with what a search has found, as the night goes by it."""
    from pipelines.tuning.tuned import load_night_config

    return load_night_config(path, dict(parse_override(entry) for entry in overrides or []), progress=Progress(errors))


def show(*parts: Table | str) -> None:
    """Print tables, and lines as long as they are."""
    for part in parts:
        console.print(part, highlight=False, soft_wrap=isinstance(part, str))
