"""Months in UTC, and the folders that tables have for them."""

from datetime import UTC, datetime, timedelta

FOLDER = "event_month="
"""With this begins the path of a file that holds the rows of one month."""


def start_of_month(moment: datetime) -> datetime:
    """The start of the month that a moment lies in."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def starts_of_months(first: datetime, end: datetime) -> list[datetime]:
    """Of all months that begin in [first, end)."""
    month, found = start_of_month(first), []
    while month < end:
        found += [month] if month >= first else []
        month = start_of_month(month + timedelta(days=31))
    return found


def first_day_from(moment: datetime) -> datetime:
    """The first start of a day at or after a moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day >= moment else day + timedelta(days=1)


def month_folder(moment: datetime) -> str:
    """With this begin the paths of the files of a moment's month, e.g. `event_month=2025-01/`."""
    return f"{FOLDER}{moment:%Y-%m}/"


def month_of(file: str) -> datetime:
    """The start of the month whose rows lie in a file, by its path."""
    return datetime.strptime(file.removeprefix(FOLDER).partition("/")[0], "%Y-%m").replace(tzinfo=UTC)
