import json
from typing import Any

import pytest

from pipelines.importers.amazon_items import COLUMNS, item_of


def product(**changes: Any) -> dict[str, Any]:
    """A line of the meta file as it was published; the product is invented."""
    return {
        "main_category": "All Beauty",
        "title": "Seifenschale «Nordsee»",
        "average_rating": 4.8,
        "rating_number": 10,
        "features": ["Holds one bar", "Drains\nwell"],
        "description": ["Made of oak."],
        "price": 12.5,
        "images": [
            {"thumb": "https://m.example/t1.jpg", "large": "https://m.example/l1.jpg", "variant": "PT01", "hi_res": None},
            {
                "thumb": "https://m.example/t2.jpg",
                "large": "https://m.example/l2.jpg",
                "variant": "MAIN",
                "hi_res": "https://m.example/h2.jpg",
            },
        ],
        "videos": [{"title": "How to", "url": "https://m.example/v", "user_id": ""}],
        "store": "Haus Grau",
        "categories": ["Beauty & Personal Care", "Bath | Shower"],
        "details": {"Brand": "Grau", "Material": "Oak", "UPC": "1", "Best Sellers Rank": {"Soap Dishes": 12}},
        "parent_asin": "B00A000001",
        "bought_together": None,
    } | changes


def read(**changes: Any) -> dict[str, Any]:
    row = item_of(json.dumps(product(**changes)).encode())
    return {name: value for name, value in row.items() if value is not None}


def test_a_product_is_told_without_anything_from_the_future() -> None:
    assert read(average_rating=1.0, rating_number=99999, bought_together=["B1"]) == {
        "item_id": "B00A000001",
        "title": "Seifenschale «Nordsee»",
        "description": "Holds one bar\nDrains\nwell\nMade of oak.",
        "category": ["Beauty & Personal Care", "Bath | Shower"],
        "price": 12.5,
        "image_uri": "https://m.example/l2.jpg",
        "attribute.store": "Haus Grau",
        "attribute.brand": "Grau",
        "attribute.material": "Oak",
    }


@pytest.mark.parametrize(
    ("price", "dollars"),
    [
        (7, 7.0),
        ("9.99", 9.99),
        ("$1,234.50", 1234.5),
        ("$1,299", 1299.0),
        ("1,234,567.89", 1234567.89),
        ("12,99", 12.99),
        ("$0,99", 0.99),
        ("12,9", None),
        ("1,2345", None),
        ("1,299,00", None),
        ("0,129", None),
        ("1.299,00", None),
        (None, None),
        ("None", None),
        ("from 9.99", None),
        ("—", None),
        (-1, None),
        ({}, None),
    ],
)
def test_a_price_is_an_amount_or_unknown(price: object, dollars: float | None) -> None:
    assert read(price=price).get("price") == dollars


def test_details_may_be_a_text_of_json() -> None:
    assert read(details=json.dumps({"Brand": "Grau"}))["attribute.brand"] == "Grau"


@pytest.mark.parametrize("details", ["no json", [], None, 3])
def test_details_of_another_kind_say_nothing(details: object) -> None:
    assert "attribute.brand" not in read(details=details)


@pytest.mark.parametrize(
    ("images", "uri"),
    [
        ({"hi_res": [None, "https://m/h2"], "large": ["https://m/l1", "https://m/l2"], "variant": ["PT01", "MAIN"]}, "https://m/l2"),
        ({"hi_res": ["https://m/h1"], "large": [], "thumb": None, "variant": ["MAIN"]}, "https://m/h1"),
        ([{"large": "https://m/first"}, {"large": "https://m/second"}], "https://m/first"),
        ([{"large": "file:///etc/passwd", "thumb": "http://m/t"}], "http://m/t"),
        ([], None),
        ({}, None),
        (None, None),
        (["https://m/bare"], None),
    ],
)
def test_the_main_photo_is_a_url_or_there_is_none(images: object, uri: str | None) -> None:
    assert read(images=images).get("image_uri") == uri


def test_without_categories_the_main_one_stands() -> None:
    assert read(categories=[])["category"] == ["All Beauty"]
    assert read(categories=None, main_category=None)["category"] == []


@pytest.mark.parametrize("line", [b"{broken \xff\n", b'{"title": "no id"}\n', b"[]\n"])
def test_a_line_without_an_id_keeps_what_it_says(line: bytes) -> None:
    assert item_of(line) == {"description": line.decode(errors="replace").strip()}


def test_every_row_has_known_columns() -> None:
    assert set(item_of(json.dumps(product()).encode())) == set(COLUMNS)
