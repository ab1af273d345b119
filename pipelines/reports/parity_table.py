"""What was served against what is right, for the terminal."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from pipelines.parity.run import Parity


def parity_table(parity: Parity) -> Table:
    """Every feature with its largest difference, the greatest first."""
    table = Table(
        "feature", "largest difference", "relative", "requests beyond the tolerance", "made again from", title="served and made again"
    )
    for feature in sorted(parity.features, key=lambda feature: (-feature.requests, -feature.absolute)):
        colour = "red" if feature.requests else "green"
        origin = "release" if feature.taken else "raw rows"
        table.add_row(
            feature.name, f"[{colour}]{feature.absolute:.2e}[/{colour}]", f"{feature.relative:.2e}", f"{feature.requests:,}", origin
        )
    return table


def parity_lines(parity: Parity) -> Iterator[str]:
    """What was compared, what was not, what it does to rankings, and what to do."""
    yield f"release {parity.release_id}: {parity.requests:,} sampled answers made again"
    for why, count in parity.left_out.items():
        yield f"  {count:,} left out: {why}"
    yield f"of the {parity.k} best by the ranker {parity.overlap:.2%} stay, {parity.lowest_overlap:.2%} in the worst request"
    for why in dict.fromkeys(feature.taken for feature in parity.features if feature.taken):
        names = [feature.name for feature in parity.features if feature.taken == why]
        yield f"[yellow]{why}[/yellow], so these are held against the release and not counted from raw rows: {', '.join(names)}"
    if parity.passed:
        yield f"[green]parity holds[/green]: no difference above {parity.tolerance:g}"
        return
    worst = max(parity.features, key=lambda feature: (feature.requests, feature.absolute))
    yield (
        f"[red]parity is broken[/red] in {len(parity.differing):,} of {parity.requests:,} requests, most of all {escape(worst.name)}: "
        f"up to {worst.absolute:.2e} apart, {parity.tolerance:g} is allowed. The newest such request is {escape(parity.differing[0])}. "
        "docs/operations.md says where to look"
    )
