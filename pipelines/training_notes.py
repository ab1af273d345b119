"""What a person should know of trainings of the retriever beside how good they became."""

from collections.abc import Iterator, Mapping
from typing import Any


def training_notes(trainings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The facts of trainings that only some settings have.

    Args:
        trainings: Cut -> what its training told; see `SavedRetriever.training`.

    Returns:
        `skipped_steps`: cut -> those of all members and epochs, where they were in fp16; `id_collisions`: cut -> `Collisions`, where items
        share rows of the id table; `rare_items`: cut -> how many of the items that people met do without ids, where
        an id takes several events.
    """
    notes: dict[str, dict[str, Any]] = {}
    for cut, training in trainings.items():
        skipped = [epoch["skipped_steps"] for member in training["members"] for epoch in member["history"] if "skipped_steps" in epoch]
        if skipped:
            notes.setdefault("skipped_steps", {})[cut] = sum(skipped)
        for name in ("id_collisions", "rare_items"):
            if name in training:
                notes.setdefault(name, {})[cut] = training[name]
    return notes


def note_lines(notes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The same as lines to print."""
    for cut, skipped in notes.get("skipped_steps", {}).items():
        yield f"{cut}: {skipped:,} steps skipped, as their gradients overflowed in fp16"
    for cut, found in notes.get("id_collisions", {}).items():
        yield (
            f"{cut}: {found['sharing']:,} of {found['items']:,} items share {found['rows']:,} rows of the id table "
            f"(by chance {found['expected_sharing']:,.0f}), at most {found['greatest_load']} one row"
        )
    for cut, found in notes.get("rare_items", {}).items():
        yield (
            f"{cut}: {found['without_id']:,} of {found['items']:,} items that people met have fewer than "
            f"{found['min_item_events']:,} events and are known by content alone (min_item_events)"
        )
