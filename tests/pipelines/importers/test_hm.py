from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from feature_store.schema import CATALOGUE, EVENTS, USERS
from pipelines.cli import app
from pipelines.importers import files
from pipelines.importers.hm import STATUS, import_hm
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.progress import Progress
from pipelines.stages import ingest_catalogue, ingest_events, ingest_users
from tests.support.landing import empty_landing, photo
from tests.support.stages import run_stage

ANNA, BEA = "a" * 64, "b" * 64

ARTICLES = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,graphical_appearance_no,"
    "graphical_appearance_name,colour_group_code,colour_group_name,perceived_colour_value_id,perceived_colour_value_name,"
    "perceived_colour_master_id,perceived_colour_master_name,department_no,department_name,index_code,index_name,index_group_no,"
    "index_group_name,section_no,section_name,garment_group_no,garment_group_name,detail_desc\n"
    "0108775015,0108775,Strap top,253,Vest top,Garment Upper body,1010016,Solid,09,Black,4,Dark,5,Black,1676,Jersey Basic,A,Ladieswear,1,"
    'Ladieswear,16,Everyday Basics,1002,Jersey Basic,"Jersey top with ""narrow"" straps,\nin soft crêpe."\n'
    "0108775044,0108775,Strap top,253,Vest top,Unknown,-1,Unknown,-1,Unknown,-1,Undefined,-1,undefined,1676,Jersey Basic,A,Ladieswear,1,"
    "Ladieswear,16,Everyday Basics,1001,Unknown,\n"
)
HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"
TRANSACTIONS = HEADER + (
    f"2018-09-20,{BEA},0108775044,0.030491525423728814,2\n"
    f"2018-09-20,{ANNA},0108775015,0.0508305084745762,1\n"
    f"2018-09-20,{BEA},0108775015,0.0508305084745762,2\n"
    f"2018-09-21,{ANNA},0108775015,0.0508305084745762,2\n"
    f"2018-09-21,{ANNA},0108775015,0.0508305084745762,2\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The layout of the competition's archive; all rows are invented. The second article has no photo."""
    folder = tmp_path / "hm"
    folder.mkdir()
    (folder / "articles.csv").write_text(ARTICLES, encoding="utf-8")
    (folder / "transactions_train.csv").write_text(TRANSACTIONS, encoding="utf-8")
    (folder / "customers.csv").write_text(
        f"customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code\n{ANNA},,,ACTIVE,NONE,49.0,{BEA}\n",
        encoding="utf-8",
    )
    photo(folder / "images" / "010" / "0108775015.jpg")
    return folder


def bring(source: Path, posters: Path | None = None) -> ImportSummary:
    return import_hm(source, empty_landing(source.parent), posters=posters, progress=Progress())


def events_of(source: Path) -> pl.DataFrame:
    return run_stage(ingest_events.STAGE, source.parent).scan(EVENTS).collect()


def test_purchases_of_a_day_stay_in_the_order_of_the_file(source: Path) -> None:
    assert bring(source) == ImportSummary(events=5, items=2, users=1, images=1, missing_images=1)
    events = events_of(source)
    assert events.select("user_id", "item_id", "event_type", "value").rows() == [
        (BEA, "0108775044", "purchase", 0.030491525423728814),
        (ANNA, "0108775015", "purchase", 0.0508305084745762),
        (BEA, "0108775015", "purchase", 0.0508305084745762),
        (ANNA, "0108775015", "purchase", 0.0508305084745762),
        (ANNA, "0108775015", "purchase", 0.0508305084745762),
    ]
    assert events["event_time"].to_list() == [datetime(2018, 9, day, tzinfo=UTC) for day in (20, 20, 20, 21, 21)]


def test_two_pieces_of_one_article_are_two_purchases_however_often_they_are_brought(source: Path) -> None:
    for _ in range(2):
        bring(source)
        assert events_of(source).filter(pl.col("event_time").dt.day() == 21).height == 2


def test_importing_twice_leaves_no_further_files(source: Path) -> None:
    for _ in range(2):
        bring(source)
        parts = sorted(path.name for path in (source.parent / "landing/events").iterdir())
        assert parts == ["0001-hm-0001.parquet", "0002-hm-0002.parquet"]  # the last day may go on in the next block, so it is held back


def test_a_longer_file_adds_only_what_is_new(source: Path) -> None:
    bring(source)
    events_of(source)
    (source / "transactions_train.csv").write_text(TRANSACTIONS + f"2018-09-22,{BEA},0108775015,0.05,2\n")
    bring(source)
    assert events_of(source).height == 6


@pytest.mark.parametrize("block_bytes", [1, 150, 400])
def test_the_purchases_are_the_same_however_blocks_cut_the_days(source: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block_bytes)
    assert bring(source).events == 5
    assert events_of(source)["user_id"].to_list() == [BEA, ANNA, BEA, ANNA, ANNA]


def test_articles_have_categories_from_wide_to_narrow_and_no_attribute_that_says_nothing(source: Path) -> None:
    bring(source)
    rows = run_stage(ingest_catalogue.STAGE, source.parent).scan(CATALOGUE).collect()
    assert rows.select("item_id", "group_id", "title", "description", "category", "price", "image_uri").rows() == [
        (
            "0108775015",
            "0108775",
            "Strap top",
            'Jersey top with "narrow" straps,\nin soft crêpe.',
            ["Ladieswear", "Garment Upper body", "Vest top"],
            None,
            "010/0108775015.jpg",
        ),
        ("0108775044", "0108775", "Strap top", None, ["Ladieswear", "Vest top"], None, None),
    ]
    first, second = ({pair["name"]: pair["value"] for pair in row} for row in rows["attributes"])
    rest = {"index": "Ladieswear", "department": "Jersey Basic", "section": "Everyday Basics"}
    told = {"colour": "Black", "colour_value": "Dark", "colour_master": "Black", "pattern": "Solid", "garment_group": "Jersey Basic"}
    assert (first, second) == (told | rest, rest)


def test_ages_are_known_as_bands_since_ever_and_what_follows_from_purchases_since_the_last_of_them(source: Path) -> None:
    assert bring(source).users == 1
    users = run_stage(ingest_users.STAGE, source.parent, users={"attributes": ["age", *STATUS]}).scan(USERS).collect()
    assert users.rows() == [
        (ANNA, "age", "45-54", datetime(1970, 1, 1, tzinfo=UTC)),
        (ANNA, "club_member_status", "active", datetime(2018, 9, 21, tzinfo=UTC)),
        (ANNA, "fashion_news_frequency", "none", datetime(2018, 9, 21, tzinfo=UTC)),
    ]


def test_ages_that_nobody_has_are_unknown_and_counted(source: Path) -> None:
    header = "customer_id,age,club_member_status,fashion_news_frequency\n"
    ages = {"zero": "0", "oldest": "119", "negative": "-3", "past": "120", "far": "150", "word": "abc", "nan": "nan", "silent": ""}
    (source / "customers.csv").write_text(header + "".join(f"{user},{age},,\n" for user, age in ages.items()), encoding="utf-8")
    assert bring(source) == ImportSummary(events=5, items=2, users=8, images=1, missing_images=1, unusable_ages=5)  # silence is no age
    users = run_stage(ingest_users.STAGE, source.parent, users={"attributes": ["age"]}).scan(USERS).collect()
    assert dict(users.select("user_id", "value").iter_rows()) == {"zero": "0-19", "oldest": "65-119"}


def test_the_command_says_how_many_ages_cannot_be_used(source: Path) -> None:
    config = source.parent / "shop.toml"
    config.write_text(f'workspace = "{source.parent}"\n', encoding="utf-8")
    (source / "customers.csv").write_text("customer_id,age,club_member_status,fashion_news_frequency\nold,150,,\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["import", "hm", str(source), "--config", str(config)])
    assert "1 photos named but not there, 1 ages that cannot be used next:" in " ".join(done.stdout.split())


def test_an_archive_without_customers_still_brings_the_rest(source: Path) -> None:
    (source / "customers.csv").unlink()
    assert bring(source) == ImportSummary(events=5, items=2, images=1, missing_images=1)


def test_photos_may_lie_in_another_folder(source: Path) -> None:
    photo(source.parent / "photos" / "010" / "0108775015.jpg")
    photo(source.parent / "photos" / "010" / "0108775044.jpg")
    assert bring(source, source.parent / "photos").missing_images == 0


def test_a_row_that_is_no_purchase_goes_to_quarantine_and_keeps_nobody_waiting(source: Path) -> None:
    (source / "transactions_train.csv").write_text(TRANSACTIONS + f"soon,{ANNA},0108775015,0.05,2\n2018-09-22,,0108775015,0.05,2\n")
    bring(source)
    facts = run_stage(ingest_events.STAGE, source.parent).manifest.facts
    assert (facts["rows"], facts["quarantined"]) == (5, 2)


def test_days_out_of_order_are_refused_because_equal_rows_would_not_meet(source: Path) -> None:
    (source / "transactions_train.csv").write_text(TRANSACTIONS + f"2018-09-20,{ANNA},0108775015,0.05,2\n")
    with pytest.raises(ImportSourceError, match=r"tells of 2018-09-20 after 2018-09-21; .* Sort it by t_dat"):
        bring(source)


@pytest.mark.parametrize("name", ["articles.csv", "transactions_train.csv"])
def test_a_missing_file_is_told_with_what_is_there(source: Path, name: str) -> None:
    (source / name).unlink()
    with pytest.raises(ImportSourceError, match=rf"one file {name}, found none among .*customers\.csv.*; pass the folder"):
        bring(source)


def test_a_missing_column_is_told_with_those_that_are_there(source: Path) -> None:
    (source / "transactions_train.csv").write_text("t_dat,customer,article_id,price\n2018-09-20,a,1,2\n")
    with pytest.raises(ImportSourceError, match=r"has no column customer_id; it has t_dat, customer, article_id, price"):
        bring(source)
