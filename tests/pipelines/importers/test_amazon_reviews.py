import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feature_store.quarantine import read_refused
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.importers import files
from pipelines.importers.amazon_reviews import import_amazon_reviews
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.progress import Progress
from pipelines.stages import ingest_catalogue, ingest_events
from tests.support.landing import empty_landing
from tests.support.stages import run_stage


def review(**changes: Any) -> bytes:
    """A line as it was published; the review is invented."""
    photo = {"small_image_url": "https://m.example/s", "medium_image_url": "https://m.example/m", "attachment_type": "IMAGE"}
    row = {
        "rating": 5.0,
        "title": 'Such a "lovely" scent',
        "text": "Smells of the sea.\nZum Glück 🙂",
        "images": [photo],
        "asin": "B00A000002",
        "parent_asin": "B00A000001",
        "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
        "timestamp": 1588687728923,
        "helpful_vote": 7,
        "verified_purchase": True,
    }
    return json.dumps(row | changes).encode() + b"\n"


REVIEWS = review() + review(user_id="B", rating=2.0, title="", text="", timestamp=1500000000000)
PRODUCTS = (
    b'{"main_category": "All Beauty", "title": "Soap", "price": null, "images": [{"large": "https://m.example/l.jpg", "variant": "MAIN"}], '
    b'"categories": [], "details": {}, "parent_asin": "B00A000001"}\n'
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "beauty"
    folder.mkdir()
    (folder / "All_Beauty.jsonl").write_bytes(REVIEWS)
    (folder / "meta_All_Beauty.jsonl").write_bytes(PRODUCTS)
    return folder


def bring(source: Path, posters: Path | None = None) -> ImportSummary:
    return import_amazon_reviews(source, empty_landing(source.parent), posters=posters, progress=Progress())


def test_reviews_become_events_on_the_page_that_variants_share(source: Path) -> None:
    assert bring(source) == ImportSummary(events=2, items=1)
    events = run_stage(ingest_events.STAGE, source.parent).scan(EVENTS).collect()
    assert events.select("user_id", "item_id", "event_type", "value", "text", "event_time").rows() == [
        ("B", "B00A000001", "review", 2.0, None, datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
        (
            "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
            "B00A000001",
            "review",
            5.0,
            'Such a "lovely" scent\nSmells of the sea.\nZum Glück 🙂',
            datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC),
        ),
    ]


def test_products_become_items_whose_photos_stay_urls(source: Path) -> None:
    bring(source)
    rows = run_stage(ingest_catalogue.STAGE, source.parent).scan(CATALOGUE).collect()
    columns = ("item_id", "title", "category", "price", "image_uri")
    assert rows.select(columns).rows() == [("B00A000001", "Soap", ["All Beauty"], None, "https://m.example/l.jpg")]


def test_packed_files_say_the_same(source: Path) -> None:
    for path in list(source.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert bring(source) == ImportSummary(events=2, items=1)


def test_broken_lines_are_counted_and_stand_in_quarantine_with_what_they_say(source: Path) -> None:
    (source / "All_Beauty.jsonl").write_bytes(REVIEWS + b'{"rating": 5.0, "ti\n\n' + review(user_id=None, title="nobody"))
    (source / "meta_All_Beauty.jsonl").write_bytes(PRODUCTS + b"<html>\n")
    assert bring(source) == ImportSummary(events=2, items=1, broken=3)
    refused = read_refused(run_stage(ingest_events.STAGE, source.parent))
    assert refused["reason"].to_list() == ["user_id: not null"] * 2
    assert '{\\"rating\\": 5.0, \\"ti' in refused["content"][0]
    assert "nobody" in refused["content"][1]
    assert "<html>" in read_refused(run_stage(ingest_catalogue.STAGE, source.parent))["content"][0]


def test_a_time_or_stars_that_cannot_be_read_are_told_in_quarantine(source: Path) -> None:
    (source / "All_Beauty.jsonl").write_bytes(REVIEWS + review(timestamp="May 2020") + review(rating="good"))
    bring(source)
    reader = run_stage(ingest_events.STAGE, source.parent)
    assert reader.manifest.facts["rows"] == 2
    assert [reason.partition(" is not")[0] for reason in read_refused(reader)["reason"]] == ["event_time: May 2020", "value: good"]


def test_importing_twice_leaves_no_further_files(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 1)
    for _ in range(2):
        bring(source)
        parts = sorted(path.name for path in (source.parent / "landing/events").iterdir())
        assert parts == ["0001-amazon-All_Beauty-0001.parquet", "0002-amazon-All_Beauty-0002.parquet"]
        assert len(list((source.parent / "landing/catalogue").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "wanted"), [("meta_All_Beauty.jsonl", r"meta_\*\.jsonl or"), ("All_Beauty.jsonl", r"All_Beauty\.jsonl or")]
)
def test_a_missing_file_is_told_with_what_is_there(source: Path, name: str, wanted: str) -> None:
    (source / name).rename(source / "other.txt")
    with pytest.raises(ImportSourceError, match=rf"one file {wanted} .*, found none among .*other\.txt"):
        bring(source)


def test_two_categories_side_by_side_are_refused_and_named(source: Path) -> None:
    (source / "meta_Gift_Cards.jsonl.gz").write_bytes(b"")
    with pytest.raises(ImportSourceError, match=r"found meta_All_Beauty\.jsonl, meta_Gift_Cards\.jsonl\.gz; put the two files of each"):
        bring(source)


def test_posters_are_refused_because_photos_are_urls(source: Path) -> None:
    with pytest.raises(ImportSourceError, match="leave --posters out"):
        bring(source, source)
