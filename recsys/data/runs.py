"""Arrays that hold what each row has, one row after another, with offsets that say where each begins."""

import numpy as np
import numpy.typing as npt


def gather_runs(offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What some rows have, one behind another as asked.

    Args:
        offsets: (all rows + 1,): entries of row r are offsets[r] : offsets[r + 1].
        rows: Which; one may come twice, and -1 has nothing.

    Returns:
        The same offsets of the rows asked for, (rows + 1,), and where their entries lie, (entries,).
    """
    counts = np.r_[np.diff(offsets), 0][rows]  # row -1 reads the 0 at the end
    begins = np.r_[0, np.cumsum(counts)].astype(np.int64)
    return begins, np.arange(begins[-1]) + np.repeat(offsets[rows] - begins[:-1], counts)
