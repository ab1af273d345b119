"""The shelf of releases for the terminal."""

from rich.table import Table

from pipelines.releases import ReleaseShelf


def release_table(shelf: ReleaseShelf) -> Table:
    """Each release with its role and the gates that refused it."""
    champion = shelf.champion()
    table = Table("release", "date", "role", "gates")
    for release_id in shelf.ids():
        told = shelf.describe(release_id)
        is_champion = champion is not None and release_id == champion.release_id
        is_previous = champion is not None and release_id == champion.previous
        role = "champion" if is_champion else "previous" if is_previous else "challenger" if not told["passed"] else ""
        refused = [gate["name"] for gate in told["gates"] if not gate["passed"]]
        table.add_row(release_id, told["date"][:10], role, "passed" if not refused else "refused by " + ", ".join(refused))
    return table
