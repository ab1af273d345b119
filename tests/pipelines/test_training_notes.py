from typing import Any

from pipelines.training_notes import note_lines, training_notes

PLAIN: dict[str, Any] = {"members": [{"history": [{"loss": 1.0}]}]}


def test_skipped_steps_are_those_of_all_members_and_epochs() -> None:
    members = [{"history": [{"loss": 1.0, "skipped_steps": 2}, {"loss": 1.0, "skipped_steps": 0}]}, {"history": [{"skipped_steps": 1}]}]
    notes = training_notes({"validation": PLAIN, "released": {"members": members}})
    assert notes == {"skipped_steps": {"released": 3}}
    assert list(note_lines(notes)) == ["released: 3 steps skipped, as their gradients overflowed in fp16"]


def test_how_crowded_the_id_table_is_is_told_in_a_line() -> None:
    found = {"items": 1200, "rows": 1000, "sharing": 800, "expected_sharing": 838.2, "greatest_load": 5}
    notes = training_notes({"validation": PLAIN | {"id_collisions": found}})
    assert list(note_lines(notes)) == ["validation: 800 of 1,200 items share 1,000 rows of the id table (by chance 838), at most 5 one row"]


def test_how_many_items_do_without_ids_is_told_in_a_line() -> None:
    notes = training_notes({"released": PLAIN | {"rare_items": {"items": 1200, "without_id": 1200, "min_item_events": 1000}}})
    assert list(note_lines(notes)) == [
        "released: 1,200 of 1,200 items that people met have fewer than 1,000 events and are known by content alone (min_item_events)"
    ]


def test_a_usual_training_has_nothing_to_note() -> None:
    notes = training_notes({"validation": PLAIN})
    assert notes == {}
    assert list(note_lines(notes)) == []
