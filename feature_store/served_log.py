"""Where samples of answers lie: a file per day, bounded, written by the API and cleared of users by an erasure."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feature_store.manifest import write_text_atomically
from feature_store.served_samples import ServedSample, sample_files, sample_lines

KEPT_DAYS = 7
"""Files of this and so many days before are kept."""
MOST_BYTES_A_DAY = 64 * 2**20
"""What would make a day's file larger is not written; an answer of 30 candidates takes 5 kB, one of 200 about 35."""
_LOCK = ".lock"


class ServedLog:
    """A folder of samples, for any number of processes.

    Args:
        folder: Made, with the first sample, where it is not there.
        most_bytes: Largest size of a day's file.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES_A_DAY) -> None:
        self.folder, self._most = folder, most_bytes

    def append(self, sample: ServedSample, *, erased: Callable[[str], bool]) -> bool:
        """Write one sample; nobody waits for it.

        Args:
            sample: Of an answer that was given a moment ago.
            erased: Whether a user was erased. Asked under the lock that an erasure holds, so that nobody comes back behind it.

        Returns:
            Whether it was written: not of an erased user, not beyond the size of a day, and not while another process is writing.

        Raises:
            OSError: There is no room, or no right to write.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked(wait=False) as alone:
            if not alone or erased(sample.user_id):
                return False
            day = datetime.fromtimestamp(sample.time / 1e6, UTC)
            file = self.folder / f"{day:%Y-%m-%d}.jsonl"
            if not file.exists():
                self._forget(before=day - timedelta(days=KEPT_DAYS))
            line = b"\n" + sample.to_line() + b"\n"  # a break before it, too: the line before may be cut off
            with file.open("ab", buffering=0) as opened:
                if opened.tell() + len(line) > self._most:
                    return False
                if opened.write(line) < len(line):
                    raise OSError(f"only a part of a sample could be written to {file}")
        return True

    def remove(self, theirs: Callable[[bytes, ServedSample], bool]) -> int:
        """Take samples out of every file, and lines that were cut off with them.

        Args:
            theirs: Whether a line, and what it says, is to go.

        Returns:
            How many samples went.
        """
        removed = 0
        if not self.folder.is_dir():
            return removed
        with self._locked(wait=True):
            for partial in self.folder.glob(".*.partial"):  # what a killed removal left
                partial.unlink()
            for file in sample_files(self.folder):
                kept, touched = [], False
                for line in sample_lines(file):
                    sample = ServedSample.from_line(line)
                    if sample is not None and not theirs(line, sample):
                        kept.append(line)
                        continue
                    touched = True
                    removed += sample is not None
                if touched:
                    write_text_atomically(file, "".join(line.decode() + "\n" for line in kept))
        return removed

    def _forget(self, *, before: datetime) -> None:
        for file in sample_files(self.folder):
            if file.stem < f"{before:%Y-%m-%d}":
                file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, *, wait: bool) -> Iterator[bool]:
        """Whether nobody else writes here; always so where it waits for that."""
        with (self.folder / _LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True
