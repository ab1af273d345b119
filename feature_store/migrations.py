"""From one version of a table to the next: what files that an older Vitrine wrote mean today.

A file says its version in its own metadata (none: version 1). It is migrated whenever it is read, and written in the version of today when
it is next written. A table whose columns or rules change gets a new version in `feature_store.schema` and, where old rows can say what new
ones must, a function here; a table that every night makes anew needs none.
"""

from collections.abc import Callable, Mapping

import polars as pl

from feature_store.errors import SchemaError
from feature_store.schema import ATTRIBUTES, Table

Migration = Callable[[pl.LazyFrame], pl.LazyFrame]


def _events_1(events: pl.LazyFrame) -> pl.LazyFrame:
    """Version 2 knows no negative value: fewer than 0 stars become 0, as little liked; such money or seconds become nothing."""
    stars = pl.when(pl.col("event_type").is_in(("rating", "review"))).then(0.0)
    return events.with_columns(value=pl.when(pl.col("value") < 0).then(stars).otherwise("value"))


def _snapshot_1(users: pl.LazyFrame) -> pl.LazyFrame:
    """Version 2 says of users what the shop does, which nobody had asked for."""
    return users.with_columns(attributes=pl.lit([], ATTRIBUTES))


MIGRATIONS: Mapping[tuple[str, int], Migration] = {("events", 1): _events_1, ("snapshot", 1): _snapshot_1}
"""Table and version -> what makes rows of that version rows of the next."""


def migrate(
    rows: pl.LazyFrame, table: Table, *, version: int, file: str, migrations: Mapping[tuple[str, int], Migration] = MIGRATIONS
) -> pl.LazyFrame:
    """Rows of a file in the table's version of today.

    Args:
        rows: As the file holds them.
        table: What they shall be.
        version: Of the file.
        file: Named in errors.
        migrations: Those there are.

    Raises:
        SchemaError: The file is newer than this code, no migration leads from its version, or its columns are not those of its version.
    """
    if version > table.version:
        raise SchemaError(
            f"{file} holds version {version} of the table {table.name}; this Vitrine knows versions up to {table.version}. "
            f"Run the Vitrine that wrote it, or a later one."
        )
    for step in range(version, table.version):
        if (table.name, step) not in migrations:
            raise SchemaError(
                f"{file} holds version {version} of the table {table.name}, and nothing leads from version {step} to {step + 1}. "
                f"Run `vitrine nightly`, which makes it anew; of the event log, bring the data again."
            )
        rows = migrations[table.name, step](rows)
    if version < table.version:
        _check_columns(rows, table, version, file)
    return rows


def _check_columns(rows: pl.LazyFrame, table: Table, version: int, file: str) -> None:
    try:
        found = dict(rows.collect_schema())
    except pl.exceptions.PolarsError as error:
        found, told = {}, str(error).splitlines()[0]
    else:
        told = f"they become {found}, wanted {dict(table.schema)}"
    if found != dict(table.schema):
        raise SchemaError(f"{file}: its rows are none of version {version} of the table {table.name}: {told}. Delete the table's folder.")
