"""Which events of a long history the user tower reads."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Excerpt:
    """Some events of each history."""

    length: int
    """At most so many, the newest."""
    older: bool = field(default=False, kw_only=True)
    """Whether `length // 2` of them are from all that is older than the others instead, as far apart as may be."""

    def places(self, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(users, width) places in each history, 0 being its oldest event, in order of time; and which of them are no padding.

        There is at least one column.

        Args:
            counts: (users,) events of each history.
        """
        count, read = counts[:, None], np.minimum(counts, self.length)[:, None]
        column = np.arange(max(1, int(read.max(initial=0))))
        place = count - read + column
        if self.older:
            spread = self.length // 2
            last = count - (self.length - spread) - 1  # of those older than the newest half
            place = np.where((count > self.length) & (column < spread), column * last // max(spread - 1, 1), place)
        inside = column < read
        return np.where(inside, place, 0), inside
