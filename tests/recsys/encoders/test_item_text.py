import pytest

from recsys.encoders.item_text import FIELDS, compose_text

SCARF = {
    "title": "Scarf",
    "description": "Warm.\n Soft. ",
    "category": ["Clothes", "Scarves"],
    "attributes": [{"name": "colour", "value": "red"}, {"name": "size", "value": None}],
}


def test_fields_are_joined_as_sentences() -> None:
    assert compose_text(SCARF, FIELDS) == "Scarf. Warm. Soft. Clothes, Scarves. colour: red"


def test_an_item_without_words_has_no_text() -> None:
    assert compose_text({"title": None, "description": " ", "category": [], "attributes": []}, FIELDS) == ""


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ValueError, match="found 'colour'; allowed are title"):
        compose_text(SCARF, ("colour",))
