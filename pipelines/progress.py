"""Progress bars on long work: on a terminal they move, elsewhere they keep silent."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

Item = TypeVar("Item")


class Progress:
    """Bars of one night."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    def __reduce__(self) -> tuple[type["Progress"], tuple[()]]:
        """A console does not travel: another process has its own."""
        return Progress, ()

    def track(self, items: Iterable[Item], *, what: str, total: int | None = None) -> Iterator[Item]:
        """Pass items through and show how many have passed, and how long the rest will take."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Bars(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bars:
            yield from bars.track(items, description=what, total=total)

    def tracker(self, name: str) -> Callable[..., Iterator[Any]]:
        """`track` for one of several trainings of a stage, named in front of each bar."""

        def track(items: Iterable[Any], *, what: str, total: int | None = None) -> Iterator[Any]:
            return self.track(items, what=f"{name}, {what}", total=total)

        return track

    def say(self, line: str) -> None:
        """One line that stays, whole however narrow the terminal is."""
        self.console.print(line, highlight=False, soft_wrap=True)
