"""A command started by torchrun: the first rank does all of it, the others help it train retrievers and keep silent."""

import os
from collections.abc import Callable

STARTED_BY_TORCHRUN = "TORCHELASTIC_RUN_ID"


def run_with_ranks(command: Callable[[], None]) -> None:
    """Run a command, with the help of other ranks where torchrun has started some.

    A first rank that ends with an error dismisses nobody: torchrun ends the others, and with `--max-restarts` starts all again.
    """
    if STARTED_BY_TORCHRUN not in os.environ:
        command()
        return
    from recsys.training.assignment import dismiss
    from recsys.training.following import follow
    from recsys.training.ranks import joined

    with joined() as ranks:
        if not ranks.first:
            follow(ranks)
            return
        try:
            command()
        except SystemExit as ended:
            if ended.code:
                raise
        dismiss(ranks)
