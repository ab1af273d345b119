from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_store.schema import CATALOGUE, EVENTS
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.importers.movielens import import_movielens
from pipelines.progress import Progress
from pipelines.stages import ingest_catalogue, ingest_events
from tests.support.landing import empty_landing, photo
from tests.support.stages import run_stage


@pytest.fixture
def latest(tmp_path: Path) -> Path:
    """The layout of ml-latest-small and ml-25m; all rows are invented."""
    files = {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.5,1000000100\n2,10,0.5,1000000000\n1,30,3.0,1000000200\n",
        "tags.csv": 'userId,movieId,tag,timestamp\n2,30,"slow, but kind",1000000150\n',
        "movies.csv": "movieId,title,genres\n"
        '10,"Lighthouse, The (1987)",Drama|Sea\n20,Untitled Reel,(no genres listed)\n30,Café Nord (2003) ,Comedy\n',
        "links.csv": "movieId,imdbId,tmdbId\n10,0000010,1\n20,0000020,\n30,0000030,3\n",
    }
    source = tmp_path / "ml-latest-small"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    return source


@pytest.fixture
def one_million(tmp_path: Path) -> Path:
    """The layout of ml-1m; all rows are invented."""
    files = {
        "ratings.dat": "1::10::5::978300000\n2::30::1::978300001\n",
        "movies.dat": '10::Lighthouse, The (1987)::Drama|Sea\n30::Café "Nord" (2003)::Comedy\n',
        "users.dat": "1::F::25::3::10001\n2::M::35::7::20002\n",
    }
    source = tmp_path / "ml-1m"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_bytes(text.encode("latin-1"))
    return source


def bring(source: Path, posters: Path | None = None) -> ImportSummary:
    return import_movielens(source, empty_landing(source.parent), posters=posters, progress=Progress())


def test_ratings_and_tags_become_events_in_order_of_time(latest: Path) -> None:
    assert bring(latest) == ImportSummary(events=4, items=3)
    reader = run_stage(ingest_events.STAGE, latest.parent)
    assert reader.manifest.facts["quarantined"] == 0
    events = reader.scan(EVENTS).collect()
    assert events.select("user_id", "item_id", "event_type", "value", "text").rows() == [
        ("2", "10", "rating", 0.5, None),
        ("1", "10", "rating", 4.5, None),
        ("2", "30", "tag", None, "slow, but kind"),
        ("1", "30", "rating", 3.0, None),
    ]
    assert events["event_time"][0] == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)  # 1,000,000,000 s


def test_movies_have_genres_as_categories_and_the_year_as_attribute(latest: Path) -> None:
    bring(latest)
    rows = run_stage(ingest_catalogue.STAGE, latest.parent).scan(CATALOGUE).collect()
    assert rows.select("item_id", "title", "category").rows() == [
        ("10", "Lighthouse, The (1987)", ["Drama", "Sea"]),
        ("20", "Untitled Reel", []),
        ("30", "Café Nord (2003)", ["Comedy"]),
    ]
    assert rows["attributes"].to_list() == [[{"name": "year", "value": "1987"}], [], [{"name": "year", "value": "2003"}]]


def test_posters_come_where_there_are_any(latest: Path) -> None:
    photo(latest.parent / "posters" / "30.jpg")
    assert bring(latest, latest.parent / "posters") == ImportSummary(events=4, items=3, images=1, missing_images=2)
    rows = run_stage(ingest_catalogue.STAGE, latest.parent).scan(CATALOGUE).collect()
    assert rows["image_uri"].to_list() == [None, None, "30.jpg"]


def test_the_million_in_latin_1_with_quotes_that_mean_nothing(one_million: Path) -> None:
    assert bring(one_million) == ImportSummary(events=2, items=2)
    events = run_stage(ingest_events.STAGE, one_million.parent).scan(EVENTS).collect()
    assert events.select("user_id", "item_id", "value").rows() == [("1", "10", 5.0), ("2", "30", 1.0)]
    rows = run_stage(ingest_catalogue.STAGE, one_million.parent).scan(CATALOGUE).collect()
    assert rows["title"].to_list() == ["Lighthouse, The (1987)", 'Café "Nord" (2003)']


def test_importing_twice_changes_nothing(latest: Path) -> None:
    digests = []
    for _ in range(2):
        bring(latest)
        digests.append(run_stage(ingest_events.STAGE, latest.parent).manifest.content_digest)
    assert digests[0] == digests[1]


def test_another_folder_is_refused_with_what_to_pass(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"holds neither ratings\.csv nor ratings\.dat; pass the folder"):
        bring(tmp_path / "nothing")


def test_a_file_of_other_columns_is_named_with_both(latest: Path) -> None:
    (latest / "ratings.csv").write_text("user,item\n1,2\n")
    with pytest.raises(ImportSourceError, match=r"ratings\.csv has the columns user, item; MovieLens has userId, movieId"):
        bring(latest)


@pytest.mark.parametrize("text", ["userId,movieId,rating,timestamp\n1,10,good,1000000100\n", ""])
def test_a_damaged_file_is_named_with_what_to_do(latest: Path, text: str) -> None:
    (latest / "ratings.csv").write_text(text)
    with pytest.raises(ImportSourceError, match=r"ratings\.csv cannot be read: .* Unpack the archive again"):
        bring(latest)


def test_a_missing_file_is_named(one_million: Path) -> None:
    (one_million / "movies.dat").unlink()
    with pytest.raises(ImportSourceError, match=r"movies\.dat cannot be read"):
        bring(one_million)
