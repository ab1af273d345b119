"""A sample shop so small that a test can draw it."""

from pathlib import Path

from rich.console import Console

from pipelines.importers.landing import Landing
from pipelines.progress import Progress
from pipelines.sample_shop.shop import ShopSize, draw_shop

TINY = ShopSize(num_items=60, num_users=80, num_days=10)


def draw_tiny_shop(root: Path, *, seed: int = 1, size: ShopSize = TINY) -> Landing:
    """Draw it below `root`, in landing/ and truth/; about a third of a second."""
    landing = Landing(
        events=root / "landing/events", catalogue=root / "landing/catalogue", users=root / "landing/users", images=root / "landing/images"
    )
    draw_shop(landing, root / "truth", seed=seed, size=size, progress=Progress(Console(quiet=True)))
    return landing
