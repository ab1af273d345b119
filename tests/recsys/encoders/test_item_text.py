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
    with pytest.raises(ValueError, match="no text field 'colour'; there are title"):
        compose_text(SCARF, ("colour",))


def test_control_characters_are_left_out() -> None:
    assert compose_text({"title": "a\0 red\x07\tscarf"}, ("title",)) == "a red scarf"


@pytest.mark.parametrize("title", ["\0\0", " \t\n", "\u200b\u200e", "\x1b\x7f\x85", "\u3000"])
def test_what_cannot_be_seen_is_no_text(title: str) -> None:
    assert compose_text({"title": title}, ("title",)) == ""


def test_marks_that_join_letters_stay() -> None:
    assert compose_text({"title": "👩\u200d🚀"}, ("title",)) == "👩\u200d🚀"
