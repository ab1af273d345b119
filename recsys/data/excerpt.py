"""Which events of a long history the user tower reads."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Excerpt:
    """At most so many events: the newest, or some from all of the history, as far from one another as may be."""

    length: int
    evenly: bool = False

    def places(self, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(users, width) places in each history, 0 being its oldest event, in order of time; and which of them are no padding.

        There is at least one column. Evenly, the oldest and the newest event are among them.

        Args:
            counts: (users,) events of each history.
        """
        read = np.minimum(counts, self.length)[:, None]
        column = np.arange(max(1, int(read.max(initial=0))))
        newest = np.maximum(counts, 1)[:, None] - 1
        back = read - 1 - column  # 0 is the newest that is read
        place = newest - (back * newest // np.maximum(read - 1, 1) if self.evenly else back)
        inside = column < read
        return np.where(inside, place, 0), inside
