"""What a command says when something is wrong: our own errors in one clear line, a bug with where it is."""

import contextlib
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.markup import escape

from feature_store.errors import FeatureStoreError
from pipelines.config import ConfigError

STOPPED = 130
"""Exit code after Ctrl-C."""


@contextlib.contextmanager
def told(errors: Console) -> Iterator[None]:
    """End a command with a line and an exit code: 1 after one of our errors, STOPPED after Ctrl-C; anything else is a bug and passes.

    Args:
        errors: Where the line goes.
    """
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        errors.print("\nstopped; what was finished stays, the same command goes on from there", highlight=False)
        raise typer.Exit(STOPPED) from None
    except Exception as error:
        if not isinstance(error, _our_errors()):
            raise
        errors.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _our_errors() -> tuple[type[Exception], ...]:
    """Imported once something went wrong: where some are defined torch starts, which no quick command should wait for."""
    from pipelines.add_items import AddItemsError
    from pipelines.importers.landing import ImportSourceError
    from pipelines.lock import BusyError
    from pipelines.nightly import UnknownStageError
    from pipelines.parity.run import ParityError
    from pipelines.recommend import RecommendError
    from pipelines.releases import ReleaseError
    from pipelines.user_profile import UnknownUserError
    from pipelines.withdraw import WithdrawError
    from recsys.encoders.protocol import EncoderError
    from recsys.models.export import ParityError as OtherGraphError
    from recsys.retrieval.faiss_index import IndexRecallError
    from recsys.slate.release_reader import ReleaseError as UnreadableReleaseError

    return (
        AddItemsError,
        ConfigError,
        EncoderError,
        FeatureStoreError,
        ImportSourceError,
        IndexRecallError,
        OtherGraphError,
        BusyError,
        UnknownStageError,
        UnknownUserError,
        ParityError,
        RecommendError,
        ReleaseError,
        UnreadableReleaseError,
        ValueError,
        WithdrawError,
    )
