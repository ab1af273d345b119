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
        colour = "red" if feature.broken else "green" if feature.judged else "yellow"
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
    unjudged = [feature.name for feature in parity.features if not feature.judged]
    if unjudged:
        yield f"[yellow]the log has changed since the release was made[/yellow], so these are not judged: {', '.join(unjudged)}"
    if parity.passed:
        yield f"[green]parity holds[/green]: no difference above {parity.tolerance:g}"
        return
    worst = max((feature for feature in parity.features if feature.judged), key=lambda feature: (feature.requests, feature.absolute))
    yield (
        f"[red]parity is broken[/red] in {len(parity.differing):,} of {parity.requests:,} requests, most of all {escape(worst.name)}: "
        f"up to {worst.absolute:.2e} apart, {parity.tolerance:g} is allowed. The newest such request is {escape(parity.differing[0])}. "
        "docs/operations.md says where to look"
    )
