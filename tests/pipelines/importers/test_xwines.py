from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_store.schema import CATALOGUE, EVENTS
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.importers.xwines import import_xwines
from pipelines.progress import Progress
from pipelines.stages import ingest_catalogue, ingest_events
from tests.support.landing import empty_landing, photo
from tests.support.stages import run_stage

COLUMNS = (
    "WineID WineName Type Elaborate Grapes Harmonize ABV Body Acidity Code Country RegionID RegionName WineryID WineryName Website Vintages"
)
HEADER = COLUMNS.replace(" ", ",") + "\n"

WINES = (
    """900001,Nordhang,White,Varietal/100%,['Riesling'],"['Fish', 'Poultry']",11.5,Light-bodied,High,"""
    """DE,Germany,1,Mosel,7,Haus Grau,http://grau.example,"[2019, 2018]"\n"""
    """900002,Sol,Red,Assemblage/Blend,"['Syrah/Shiraz', ""Nero d'Avola""]",[],13.0,Full-bodied,Low,IT,Italy,2,Sicilia,8,Casa Blu,,[]\n"""
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The layout of X-Wines Slim; all rows are invented."""
    folder = tmp_path / "xwines"
    folder.mkdir()
    (folder / "XWines_Slim_1K_wines.csv").write_text(HEADER + WINES, encoding="utf-8")
    (folder / "XWines_Slim_150K_ratings.csv").write_text(
        "RatingID,UserID,WineID,Vintage,Rating,Date\n"
        "1,500,900002,2018,4.5,2020-03-01 10:00:00\n"
        "2,500,900001,N.V.,3.0,2019-12-31 23:59:59\n"
        "3,501,900001,2019,5.0,2020-03-01 10:00:00\n",
        encoding="utf-8",
    )
    return folder


def bring(source: Path, posters: Path | None = None) -> ImportSummary:
    return import_xwines(source, empty_landing(source.parent), posters=posters, progress=Progress())


def test_ratings_become_events_under_their_own_ids(source: Path) -> None:
    assert bring(source) == ImportSummary(events=3, items=2)
    reader = run_stage(ingest_events.STAGE, source.parent)
    assert reader.manifest.facts["quarantined"] == 0
    events = reader.scan(EVENTS).collect()
    assert events.select("event_id", "user_id", "item_id", "event_type", "value").rows() == [
        ("xwines:2", "500", "900001", "rating", 3.0),
        ("xwines:1", "500", "900002", "rating", 4.5),
        ("xwines:3", "501", "900001", "rating", 5.0),
    ]
    assert events["event_time"][0] == datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_wines_have_their_type_as_category_and_the_rest_as_attributes(source: Path) -> None:
    bring(source)
    rows = run_stage(ingest_catalogue.STAGE, source.parent).scan(CATALOGUE).collect()
    assert rows.select("item_id", "title", "category").rows() == [
        ("900001", "Nordhang - Haus Grau", ["White"]),
        ("900002", "Sol - Casa Blu", ["Red"]),
    ]
    first, second = ({pair["name"]: pair["value"] for pair in row} for row in rows["attributes"])
    assert first == {
        "country": "Germany",
        "region": "Mosel",
        "winery": "Haus Grau",
        "grapes": "Riesling",
        "pairs_with": "Fish, Poultry",
        "body": "Light-bodied",
        "acidity": "High",
        "abv": "11.5",
    }
    assert second["grapes"] == "Syrah/Shiraz, Nero d'Avola"
    assert "pairs_with" not in second


def test_label_photos_come_in_whatever_their_suffix(source: Path) -> None:
    photo(source.parent / "labels" / "900001.jpeg")
    photo(source.parent / "labels" / "123.jpeg")
    assert bring(source, source.parent / "labels") == ImportSummary(events=3, items=2, images=1, missing_images=1)
    rows = run_stage(ingest_catalogue.STAGE, source.parent).scan(CATALOGUE).collect()
    assert rows["image_uri"].to_list() == ["900001.jpeg", None]


def test_two_sizes_side_by_side_are_refused_and_named(source: Path) -> None:
    (source / "XWines_Test_100_wines.csv").write_text(HEADER)
    with pytest.raises(ImportSourceError, match=r"one file \*_wines\.csv, found XWines_Slim_1K_wines\.csv, XWines_Test_100_wines\.csv"):
        bring(source)


def test_a_missing_file_is_told(source: Path) -> None:
    (source / "XWines_Slim_150K_ratings.csv").unlink()
    with pytest.raises(ImportSourceError, match=r"one file \*_ratings\.csv, found none"):
        bring(source)


def test_a_file_of_other_columns_is_named(source: Path) -> None:
    (source / "XWines_Slim_150K_ratings.csv").write_text("RatingID,User\n1,2\n")
    with pytest.raises(ImportSourceError, match=r"ratings\.csv has no column UserID, WineID, Vintage, Rating, Date; it has RatingID, User"):
        bring(source)


def test_a_list_that_is_none_is_told_with_what_stands_there(source: Path) -> None:
    path = source / "XWines_Slim_1K_wines.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("['Riesling']", "['Riesling"), encoding="utf-8")
    with pytest.raises(ImportSourceError, match=r"Grapes holds \"\['Riesling\"; X-Wines writes lists"):
        bring(source)
