"""What a person should know of a training of the retriever beside how good it became."""

from collections.abc import Iterator, Mapping
from typing import Any


def training_notes(training: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a training that only some settings have.

    Args:
        training: See `SavedRetriever.training`.

    Returns:
        `skipped_steps` of all members and epochs, where it was in fp16; `id_collisions`, where items share rows of the id table.
    """
    skipped = [epoch["skipped_steps"] for member in training["members"] for epoch in member["history"] if "skipped_steps" in epoch]
    notes: dict[str, Any] = {"skipped_steps": sum(skipped)} if skipped else {}
    return notes | ({"id_collisions": training["id_collisions"]} if "id_collisions" in training else {})


def note_lines(notes: Mapping[str, Any]) -> Iterator[str]:
    """The same as lines to print."""
    if "skipped_steps" in notes:
        yield f"fp16: {notes['skipped_steps']:,} steps skipped, as their gradients overflowed"
    if "id_collisions" in notes:
        found = notes["id_collisions"]
        yield (
            f"{found['sharing']:,} of {found['items']:,} items share {found['rows']:,} rows of the id table "
            f"(by chance {found['expected_sharing']:,.0f}), at most {found['greatest_load']} one row"
        )
