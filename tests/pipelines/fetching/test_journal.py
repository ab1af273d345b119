from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from feature_store.checks import check
from feature_store.schema import FETCHED_IMAGES
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.journal import Journal

NEVER = FetchedImage(uri="http://shop.test/例.jpg", reason='http: status "404"')
FETCHED = FetchedImage(
    uri="http://shop.test/a.jpg",
    digest="d",
    size_bytes=3,
    final_uri="http://shop.test/b.jpg",
    etag='W/"1\\2"',
    last_modified="Sat, 01 Jan 2000 00:00:00 GMT",
    fetched_at=datetime(2026, 1, 1, 2, 3, 4, 567, tzinfo=UTC),
)


def read(path: Path) -> list[FetchedImage]:
    with Journal(path) as journal:
        return [FetchedImage(**row) for row in check(journal.read(), FETCHED_IMAGES).iter_rows(named=True)]


def test_a_new_journal_holds_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path / "new" / "journal") == []


def test_what_is_recorded_is_read_back_by_this_run_and_the_next(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal.record(NEVER)
        journal.record(FETCHED)
        assert journal.read().to_dicts() == [asdict(NEVER), asdict(FETCHED)]
    assert read(tmp_path / "journal") == [NEVER, FETCHED]


def test_a_line_that_a_kill_has_torn_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.record(NEVER)
        journal.record(FETCHED)
    path.write_bytes(path.read_bytes()[:-20])
    with Journal(path) as journal:
        journal.record(FETCHED)
    assert read(path) == [NEVER, FETCHED]
