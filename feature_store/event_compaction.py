"""The log in fewer files: days and hours that came one by one are put together, no row and no order changes."""

from collections.abc import Sequence
from datetime import datetime

from feature_store.batches import InOrder
from feature_store.event_files import LogFile, cut, file_weights, files_needed, log_files, start_of_partition, write_files
from feature_store.layout import QUARANTINE, TableReader, TableWriter
from feature_store.schema import EVENTS


def scattered(log: TableReader) -> list[LogFile]:
    """Files of the partitions that lie in more files than their rows need, in order of time."""
    partitions: dict[datetime, list[LogFile]] = {}
    for file in log_files(log):
        partitions.setdefault(start_of_partition(file.begin, file.partition), []).append(file)
    several = (files for files in partitions.values() if len(files) > 1)
    return [file for files in several if len(files) > files_needed(file_weights(log, files)) for file in files]


def compact(writer: TableWriter, log: TableReader, files: Sequence[LogFile]) -> None:
    """Write the same log with the rows of these files in as few as they need; everything else is carried over.

    Args:
        writer: Of the table `events`.
        log: The build so far.
        files: `scattered` ones, whole partitions of them.
    """
    partition = files[0].partition
    begins = {start_of_partition(file.begin, partition) for file in files}
    rows = InOrder(batch for file in files for batch in log.batches(EVENTS, file.name))
    write_files(writer, cut(file_weights(log, files), begins), [rows], partition)
    taken = {file.name for file in files}
    for file in [*log.files(), *log.files(prefix=QUARANTINE)]:
        if file not in taken:
            writer.keep(log, file)
