"""The receipt of an erasure for the terminal."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from pipelines.privacy.erase import Receipt
from pipelines.privacy.sought import TELLING_BYTES


def erasure_table(receipt: Receipt) -> Table:
    """Every artefact that was looked into, what was done there, and whether the user is gone."""
    table = Table("artefact", "files", "done", "now", title=f"erasure of {receipt.at}, tombstone {receipt.tombstone}")
    for entry in receipt.checked:
        now = f"[red]still in {escape(', '.join(entry.holding[:3]))}[/red]" if entry.holding else "[green]free of the user[/green]"
        table.add_row(escape(entry.artefact), f"{entry.files:,}", entry.done, now)
    for trace in receipt.landing:
        now = f"[yellow]still there: {escape(trace.left)}[/yellow]" if trace.left else "[green]rewritten without[/green]"
        table.add_row(escape(trace.name), "1", f"{trace.rows:,} rows of the user", now)
    return table


def erasure_lines(receipt: Receipt) -> Iterator[str]:
    """What follows from it."""
    if not receipt.known:
        yield "[yellow]The user was found nowhere.[/yellow] If that surprises, look at the id; the tombstone stands all the same."
    if not receipt.bytes_searched:
        yield (
            f"The id has fewer than {TELLING_BYTES} bytes and may stand anywhere by chance, so only columns that name users, and "
            "texts for the whole word, were searched; not the bytes of other files."
        )
    if any(trace.left for trace in receipt.landing):
        yield "Landing files are yours: what they hold of the user is not taken in again, and stays there until you or --landing remove it."
    if receipt.known:
        yield "Models in service were trained before: `vitrine nightly` trains without the user. Backups elsewhere are yours to clean."
