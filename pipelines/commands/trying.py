"""Commands for a first look: is the machine fit, and the whole way on a drawn shop."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.terminal import ConfigOption, console, errors
from pipelines.own_errors import told


def doctor(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Also look at this config and its workspace.")] = None,
) -> None:
    """Say what is missing or mismatched on this machine, and how to mend it."""
    from pipelines.doctor import run_doctor

    raise typer.Exit(run_doctor(config, console=console))


def demo(config: ConfigOption = Path("configs/demo.toml")) -> None:
    """The whole way on the sample shop: draw it, run the night, start the API, ask it once, end it."""
    from pipelines.demo import run_demo

    with told(errors):
        raise typer.Exit(run_demo(config, console=console))
