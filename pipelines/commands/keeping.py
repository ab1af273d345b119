"""Commands that keep the data: small files put together, users forgotten."""

from typing import Annotated

import typer

from pipelines.commands.terminal import DEFAULT_CONFIG, ConfigOption, config_of, console, errors, show
from pipelines.own_errors import told
from pipelines.progress import Progress


def compact(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Put small files of the event log together: the same rows in the same order, and no stage runs again for it.

    Refused while a night is at work; a kill leaves the log as it was.
    """
    from pipelines.compact import compact_log

    with told(errors):
        done = compact_log(config_of(config))
        for name, size in (("before", done.before), ("after", done.after)):
            console.print(f"{name:<6} {size.files:>7,} files {size.bytes / 2**20:>10,.1f} MiB", highlight=False)


def erase(
    user: Annotated[str, typer.Argument(help="The shop's own id, or the pseudonym.")],
    config: ConfigOption = DEFAULT_CONFIG,
    landing: Annotated[bool, typer.Option("--landing", help="Take the user out of landing files too, where that is safe.")] = False,
) -> None:
    """Forget a user for good: a tombstone keeps new events of the user out, and everything in the workspace is searched and changed.

    The next night learns without the user. Prints all that was looked into; exit code 1: something still holds the user.
    """
    from pipelines.privacy.erase import erase_user
    from pipelines.reports.erasure_table import erasure_lines, erasure_table

    with told(errors):
        receipt = erase_user(config_of(config), user, rewrite_landing=landing, progress=Progress(errors))
        show(erasure_table(receipt), *erasure_lines(receipt))
        if not receipt.clean:
            raise typer.Exit(1)
