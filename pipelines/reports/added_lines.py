"""What became of products that were to be added, for the terminal."""

from collections.abc import Iterator

from pipelines.add_items import Added


def added_lines(added: Added) -> Iterator[str]:
    """How many were added and what they have; then, by reason, how many were not."""
    having = ", ".join(f"{count:,} with {modality}" for modality, count in added.encoded.items())
    yield f"{added.items:,} items added to release {added.release_id}{f': {having}' if having else ''}"
    left = {
        "in the release already, their changes come with `vitrine nightly`": added.known,
        "added before and unchanged": added.unchanged,
        "removed before, `--restore ITEM_ID` takes that back": added.withdrawn,
        "could not be used": len(added.refused),
    }
    yield from (f"  {why}: {count:,}" for why, count in left.items() if count)
