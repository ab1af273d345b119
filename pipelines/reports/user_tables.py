"""A user's profile for the terminal."""

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from pipelines.user_profile import UserProfile

BAR = "█"
WIDTH = 30
"""Letters of the longest bar."""
LEVELS = " ▁▂▃▄▅▆▇█"


def user_tables(profile: UserProfile) -> Iterator[Table | str]:
    """Activity, tastes with bars, hours of the day, and the newest events."""
    counts = profile.activity
    yield escape(f"{profile.user_id}, as of {profile.as_of:%Y-%m-%d %H:%M} UTC")
    yield (
        f"{counts['events_all']:,} events in {counts['sessions_all']:,} sessions, {counts['wanted_all']:,} of them say an item was wanted; "
        f"{counts['events_30d']:,} in the last 30 days, {counts['events_7d']:,} in the last 7; newest {profile.last_event:%Y-%m-%d %H:%M}"
    )
    if profile.top_categories:
        table = Table("category", "share", "of what was wanted")
        for name, share in profile.top_categories.items():
            table.add_row(escape(name), f"{share:.0%}", BAR * round(share * WIDTH))
        yield table
    if profile.price_band is not None:
        low, middle, high = profile.price_band
        yield f"price band: half of what was wanted costs {low:,.2f} to {high:,.2f}, the middle is {middle:,.2f}"
    yield f"active hours (UTC): 0h |{hour_bars(profile.active_hours)}| 24h"
    table = Table("when", "what", "item", title="newest events, at most 5 of each type")
    for event in profile.last_events:
        table.add_row(f"{event.event_time:%Y-%m-%d %H:%M}", event.event_type, escape(event.title))
    yield table


def hour_bars(counts: Sequence[int]) -> str:
    """One letter per hour, as high as its count against the greatest; an hour with any event is never blank."""
    most = max(counts, default=0) or 1
    return "".join(LEVELS[-(-count * (len(LEVELS) - 1) // most)] for count in counts)
