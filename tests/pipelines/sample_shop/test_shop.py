import dataclasses
import hashlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from feature_store.checks import check
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.importers.landing import Landing
from pipelines.sample_shop.drawing import COLOURS, PATTERNS
from pipelines.sample_shop.products import Products
from pipelines.sample_shop.shop import START, ShopSize
from tests.support.tiny_shop import draw_tiny_shop

SIZE = ShopSize(num_items=600, num_users=1500, num_days=30)
"""Large enough for shares; drawn in about three seconds."""


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    return draw_tiny_shop(tmp_path_factory.mktemp("shop"), size=SIZE)


@pytest.fixture(scope="module")
def events(landing: Landing) -> pl.DataFrame:
    return pl.read_parquet(landing.events / "*.parquet")


@pytest.fixture(scope="module")
def catalogue(landing: Landing) -> pl.DataFrame:
    return pl.read_parquet(landing.catalogue / "*.parquet")


def digests(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    draw_tiny_shop(tmp_path / "a")
    draw_tiny_shop(tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_another_seed_gives_other_behaviour(tmp_path: Path) -> None:
    one, two = draw_tiny_shop(tmp_path / "a", seed=1), draw_tiny_shop(tmp_path / "b", seed=2)
    assert set(digests(one.events).values()).isdisjoint(digests(two.events).values())


def test_events_and_catalogue_keep_the_contract_of_their_tables(events: pl.DataFrame, catalogue: pl.DataFrame) -> None:
    check(events, EVENTS)
    check(catalogue, CATALOGUE)


def test_events_lie_within_the_days_of_the_shop(events: pl.DataFrame) -> None:
    assert events["event_time"].min() >= START
    assert events["event_time"].max() < START + timedelta(days=SIZE.num_days, hours=1)  # a purchase follows its slate by minutes


def test_about_one_product_in_seven_has_no_photo(catalogue: pl.DataFrame) -> None:
    assert catalogue["image_uri"].is_null().mean() == pytest.approx(0.15, abs=0.045)  # three deviations of a share of 600


def test_about_one_product_in_ten_has_no_description(catalogue: pl.DataFrame) -> None:
    assert catalogue["description"].is_null().mean() == pytest.approx(0.10, abs=0.037)


def test_every_named_photo_is_a_file_and_ten_cannot_be_read(landing: Landing, catalogue: pl.DataFrame) -> None:
    unreadable = 0
    for name in catalogue["image_uri"].drop_nulls():
        try:
            with Image.open(landing.images / name) as photo:
                photo.load()
        except OSError:  # also what Pillow raises for a file that is no image
            unreadable += 1
    assert unreadable == 10


def test_positions_of_every_request_count_from_one(events: pl.DataFrame) -> None:
    slates = events.filter(event_type="impression").group_by("request_id").agg(pl.col("position").sort())
    assert all(positions == list(range(1, len(positions) + 1)) for positions in slates["position"].to_list())


def test_no_slate_shows_a_product_twice(events: pl.DataFrame) -> None:
    assert not events.filter(event_type="impression").select("request_id", "item_id").is_duplicated().any()


@pytest.mark.parametrize(("later", "earlier"), [("click", "impression"), ("cart", "click"), ("purchase", "cart")])
def test_each_step_follows_the_one_before_it(events: pl.DataFrame, later: str, earlier: str) -> None:
    key = ["request_id", "item_id", "user_id"]
    both = events.filter(event_type=later).join(events.filter(event_type=earlier), on=key, how="left")
    assert (both["event_time"] > both["event_time_right"]).fill_null(value=False).all()


def test_nothing_is_shown_before_it_is_on_sale_or_after_it_has_left(events: pl.DataFrame, catalogue: pl.DataFrame) -> None:
    shown = events.filter(event_type="impression").join(catalogue.select("item_id", "available_from", "available_to"), on="item_id")
    assert shown.filter(pl.col("event_time") < pl.col("available_from")).is_empty()
    assert shown.filter(pl.col("event_time") >= pl.col("available_to")).is_empty()


def test_there_are_always_products_on_sale_that_nobody_has_been_shown(events: pl.DataFrame, catalogue: pl.DataFrame) -> None:
    first = events.group_by("item_id").agg(pl.col("event_time").min().alias("first"))
    table = catalogue.join(first, on="item_id", how="left")
    for day in (10, 20, 27):
        cut = START + timedelta(days=day)
        waiting = table.filter((pl.col("available_from") <= cut) & (pl.col("first").is_null() | (pl.col("first") > cut)))
        assert waiting.height >= 5


def test_new_products_arrive_every_week(catalogue: pl.DataFrame) -> None:
    weeks = ((catalogue["available_from"].drop_nulls() - START).dt.total_days() // 7).value_counts()
    assert set(range(4)) <= set(weeks[weeks.columns[0]])


def test_the_higher_the_position_the_more_clicks(events: pl.DataFrame) -> None:
    rate = (
        events.drop_nulls("position")
        .group_by("position")
        .agg((pl.col("event_type") == "click").sum() / (pl.col("event_type") == "impression").sum().alias("rate"))
    )
    rates = rate.sort("position").to_series(1).to_list()
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 1.3 * rates[-1]  # looked at with probability 1 and 0.62


def test_a_tenth_of_the_products_takes_far_more_than_a_tenth_of_the_clicks(events: pl.DataFrame) -> None:
    clicks = events.filter(event_type="click").group_by("item_id").len()["len"].sort(descending=True)
    assert clicks[: SIZE.num_items // 10].sum() > 0.25 * clicks.sum()


def test_what_is_planted_is_no_column_or_attribute_of_the_catalogue(catalogue: pl.DataFrame) -> None:
    planted = {field.name for field in dataclasses.fields(Products)} - {"category", "price"}
    names = set(catalogue["attributes"].explode().struct.field("name")) | set(catalogue.columns)
    assert not planted & names


def test_no_text_names_colour_or_pattern(catalogue: pl.DataFrame) -> None:
    words = (catalogue["title"].fill_null("") + " " + catalogue["description"].fill_null("")).str.to_lowercase()
    for word in {*COLOURS, *PATTERNS}:
        assert not words.str.contains(rf"\b{word}\b").any(), word


def test_titles_and_descriptions_speak_english_and_chinese(catalogue: pl.DataFrame) -> None:
    for column in ("title", "description"):
        texts = catalogue[column].drop_nulls()
        assert texts.str.contains(r"[a-z]{3}").all()
        assert texts.str.contains(r"\p{Han}{2}").all()


def test_photos_of_one_category_and_colour_are_more_alike_than_others(landing: Landing) -> None:
    truth = np.load(landing.images.parents[1] / "truth/truth.npz")
    kind = truth["product.category"] * 100 + truth["product.colour"]
    pixels, kinds = [], []
    for path in sorted(landing.images.glob("*.jpg")):
        try:
            with Image.open(path) as photo:
                pixels.append(np.asarray(photo.resize((16, 16)), np.float32).ravel())
        except OSError:
            continue
        kinds.append(kind[int(path.stem[1:])])
    vectors, labels = np.stack(pixels), np.array(kinds)
    distance = np.sqrt(((vectors[:, None] - vectors[None]) ** 2).mean(axis=2))
    same = (labels[:, None] == labels) & ~np.eye(len(labels), dtype=bool)
    other = labels[:, None] != labels
    assert distance[same].min() > 0  # no photo is drawn twice
    assert distance[same].mean() < 0.8 * distance[other].mean()
