"""How a source's own files and columns become ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from feature_store.times import TimeRule


@dataclass(frozen=True, kw_only=True)
class TableMapping:
    """One file of a source."""

    file: str = ""
    """Parquet, CSV or JSON lines, relative to the source folder; empty: the source holds nothing of this kind."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our column -> the source's; columns of the source that are not named are left behind."""
    constants: Mapping[str, str | float] = field(default_factory=dict)
    """Our column -> what stands in every row."""
    time_unit: Literal["", "s", "ms", "us"] = ""
    """What numbers in the time columns count since 1970 UTC."""
    naive_times: Literal["refuse", "utc"] = "refuse"
    """Times without a zone: refused at ingestion, or taken as UTC."""

    @property
    def times(self) -> TimeRule:
        """What times mean that do not say it themselves."""
        return TimeRule(unit=self.time_unit, naive_utc=self.naive_times == "utc")


@dataclass(frozen=True, kw_only=True)
class CatalogueMapping(TableMapping):
    """The file of items."""

    category_separator: str = "|"
    """Parts the categories of a text."""
    attributes: tuple[str, ...] = ()
    """Columns of the source that become attributes under their own names."""
    image_root: str = ""
    """Folder of the photos, relative to the source folder; empty: photos are URLs or there are none."""


@dataclass(frozen=True, kw_only=True)
class UsersMapping(TableMapping):
    """The file of users."""

    attributes: tuple[str, ...] = ()
    """Columns of the source that become attributes under their own names; [users] attributes says which of them the night takes in."""


@dataclass(frozen=True, kw_only=True)
class MappingConfig:
    """One source."""

    events: TableMapping = field(default_factory=TableMapping)
    catalogue: CatalogueMapping = field(default_factory=CatalogueMapping)
    users: UsersMapping = field(default_factory=UsersMapping)
