"""The online store in one SQLite file: readers never wait for the writer, and the night's snapshot is swapped by one pointer."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from feature_store.errors import OnlineStoreError
from feature_store.online.protocol import (
    POSTED_PER_USER,
    AddedItem,
    ItemChanges,
    PostedEvent,
    UserState,
    check_changeable,
    oldest_shown,
)
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserNames

MOST_POSTED = 5_000_000
"""Posted events that are kept; the oldest, and those too old to be shown, go when the next snapshot comes."""
ROWS_AT_ONCE = 5_000
"""Rows of a snapshot per transaction, so that posting an event never waits long."""
BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pointer (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (
    version TEXT, user_id TEXT, history TEXT NOT NULL, seen TEXT NOT NULL, PRIMARY KEY (version, user_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS posted (
    event_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, item_id TEXT NOT NULL, event_type TEXT NOT NULL, event_time INTEGER NOT NULL,
    value REAL, request_id TEXT, release_id TEXT, position INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS posted_by_user ON posted (user_id, event_time);
CREATE TABLE IF NOT EXISTS item_changes (item_id TEXT PRIMARY KEY, withdrawn INTEGER NOT NULL, fields TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS added_items (
    release_id TEXT, item_id TEXT, catalogue_row TEXT NOT NULL, item_vector BLOB NOT NULL, content_vector BLOB NOT NULL,
    popularity REAL NOT NULL, PRIMARY KEY (release_id, item_id)
);
"""
_USER = """
SELECT 's', history, seen, NULL, NULL, NULL, NULL, NULL, NULL FROM snapshots
WHERE user_id = ?1 AND version = (SELECT value FROM pointer WHERE name = 'snapshot')
UNION ALL
SELECT * FROM (
    SELECT 'p', event_id, item_id, event_type, event_time, value, request_id, release_id, position FROM posted
    WHERE user_id = ?1 AND event_time >= ?3 ORDER BY event_time DESC, event_id DESC LIMIT ?2
)
"""
_POINTER = "SELECT value FROM pointer WHERE name = ?"
_ITEMS = "items"
"""Pointer that counts changes of items; `added:<release_id>` counts additions to a release."""
_TOMBSTONES, _USERS = "tombstones", "users"
"""Pointers to who was erased, as JSON, and to the key that users are named by."""


class SqliteStore:
    """Implements `OnlineStore`.

    Args:
        path: The file; made, with its folder, where it is not there.
        posted_days: Older posted events are neither taken in nor shown, and removed when the next snapshot comes; 0: none is too old.

    Raises:
        OnlineStoreError: The file is there and is no store.
    """

    def __init__(self, path: Path, *, posted_days: int = 0) -> None:
        self.path, self._posted_days = path, posted_days
        path.parent.mkdir(parents=True, exist_ok=True)
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._writer = self._connect()
        try:
            self._writer.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        except sqlite3.DatabaseError as error:
            self._writer.close()
            raise OnlineStoreError(
                f"{path} is no online store ({error}). Move it away and run `vitrine nightly` to fill a new one."
            ) from error
        self._reader = self._connect()

    @property
    def where(self) -> str:
        """See `OnlineStore`."""
        return str(self.path)

    def close(self) -> None:
        """See `OnlineStore`."""
        self._reader.close()
        self._writer.close()

    def user(self, user_id: str) -> UserState:
        """See `OnlineStore`."""
        with self._reading:
            return self._state(user_id)

    def users(self, user_ids: Sequence[str]) -> list[UserState]:
        """See `OnlineStore`."""
        with self._reading, self._reader:
            self._reader.execute("BEGIN")  # or a snapshot could come in between
            return [self._state(user_id) for user_id in user_ids]

    def some_users(self, limit: int) -> list[str]:
        """See `OnlineStore`."""
        query = "SELECT user_id FROM snapshots WHERE version = (SELECT value FROM pointer WHERE name = 'snapshot') LIMIT ?"
        with self._reading:
            return [str(row[0]) for row in self._reader.execute(query, (limit,))]

    def append(self, events: Sequence[PostedEvent]) -> int:
        """See `OnlineStore`; an erasure comes before all of it or finds all of it."""
        with self._writing, self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            told = self._writer.execute(_POINTER, (_TOMBSTONES,)).fetchone()
            erased = Tombstones.from_json(told[0]) if told else Tombstones()
            oldest = oldest_shown(self._posted_days)
            rows = [
                (e.event_id, e.user_id, e.item_id, e.event_type, e.event_time, e.value, e.request_id, e.release_id, e.position)
                for e in events
                if e.event_time >= oldest and not erased.holds(e.user_id)
            ]
            before = self._writer.total_changes
            self._writer.executemany("INSERT OR IGNORE INTO posted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            return self._writer.total_changes - before

    def erase(self, user_ids: Sequence[str]) -> int:
        """See `OnlineStore`; the file is written anew and its log emptied.

        Raises:
            OnlineStoreError: Something reads the file without end, so its log cannot be emptied.
        """
        with self._writing:
            with self._writer:
                before = self._writer.total_changes
                for table in ("snapshots", "posted"):
                    self._writer.executemany(f"DELETE FROM {table} WHERE user_id = ?", [(user_id,) for user_id in user_ids])
                removed = self._writer.total_changes - before
            self._write_anew()
        return removed

    def tombstones(self) -> Tombstones:
        """See `OnlineStore`."""
        text = self._text(_TOMBSTONES)
        return Tombstones.from_json(text) if text else Tombstones()

    def set_tombstones(self, tombstones: Tombstones) -> None:
        """See `OnlineStore`."""
        with self._writing, self._writer:
            self._point(_TOMBSTONES, tombstones.to_json())

    def key_id(self) -> str | None:
        """See `OnlineStore`."""
        return self._text(_USERS)

    def set_key_id(self, key_id: str) -> None:
        """See `OnlineStore`."""
        others = (self.key_id() or UserNames().key_id) != key_id  # without a key, events were posted under the shop's own ids
        with self._writing, self._writer:
            if others:
                self._writer.execute("DELETE FROM posted")
            self._point(_USERS, key_id)
        if others:
            with self._writing:
                self._write_anew()

    def forget_posted(self, *, before: int) -> None:
        """See `OnlineStore`."""
        with self._writing, self._writer:
            self._writer.execute("DELETE FROM posted WHERE event_time < ?", (before,))

    def revision(self) -> int:
        """See `OnlineStore`."""
        return self._number(_ITEMS)

    def item_changes(self) -> ItemChanges:
        """See `OnlineStore`."""
        revision = self.revision()  # read first: a change in between is seen again, never missed
        with self._reading:
            rows = self._reader.execute("SELECT item_id, withdrawn, fields FROM item_changes").fetchall()
        withdrawn = frozenset(item_id for item_id, gone, _ in rows if gone)
        return ItemChanges(revision, withdrawn, {item_id: json.loads(fields) for item_id, _, fields in rows if fields != "{}"})

    def change_item(self, item_id: str, values: Mapping[str, Any]) -> None:
        """See `OnlineStore`."""
        check_changeable(item_id, values)
        with self._writing, self._writer:
            row = self._writer.execute("SELECT fields FROM item_changes WHERE item_id = ?", (item_id,)).fetchone()
            fields = json.dumps((json.loads(row[0]) if row else {}) | dict(values), sort_keys=True)
            self._writer.execute(
                "INSERT INTO item_changes VALUES (?, 0, ?) ON CONFLICT (item_id) DO UPDATE SET fields = excluded.fields", (item_id, fields)
            )
            self._count(_ITEMS)

    def withdraw(self, item_ids: Sequence[str]) -> None:
        """See `OnlineStore`."""
        with self._writing, self._writer:
            self._writer.executemany(
                "INSERT INTO item_changes VALUES (?, 1, '{}') ON CONFLICT (item_id) DO UPDATE SET withdrawn = 1",
                [(item_id,) for item_id in item_ids],
            )
            self._count(_ITEMS)

    def restore(self, item_ids: Sequence[str]) -> None:
        """See `OnlineStore`."""
        with self._writing, self._writer:
            self._writer.executemany("UPDATE item_changes SET withdrawn = 0 WHERE item_id = ?", [(item_id,) for item_id in item_ids])
            self._count(_ITEMS)

    def additions_version(self, release_id: str) -> int:
        """See `OnlineStore`."""
        return self._number(f"added:{release_id}")

    def added_items(self, release_id: str) -> list[AddedItem]:
        """See `OnlineStore`."""
        query = "SELECT catalogue_row, item_vector, content_vector, popularity FROM added_items WHERE release_id = ? ORDER BY item_id"
        with self._reading:
            rows = self._reader.execute(query, (release_id,)).fetchall()
        return [AddedItem(json.loads(row), *rest) for row, *rest in rows]

    def add_items(self, release_id: str, items: Sequence[AddedItem]) -> None:
        """See `OnlineStore`."""
        rows = [(release_id, i.item_id, json.dumps(i.row), i.item_vector, i.content_vector, i.popularity) for i in items]
        with self._writing, self._writer:
            self._writer.executemany("INSERT OR REPLACE INTO added_items VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._count(f"added:{release_id}")

    def forget_additions(self, *, keep: Sequence[str]) -> None:
        """See `OnlineStore`."""
        with self._reading:
            found = [str(row[0]) for row in self._reader.execute("SELECT DISTINCT release_id FROM added_items")]
        gone = [(release_id,) for release_id in found if release_id not in keep]
        with self._writing, self._writer:
            self._writer.executemany("DELETE FROM added_items WHERE release_id = ?", gone)
            self._writer.executemany("DELETE FROM pointer WHERE name = 'added:' || ?", gone)

    def snapshot_version(self) -> str | None:
        """See `OnlineStore`."""
        return self._text("snapshot")

    def load_snapshot(self, version: str, users: Iterable[tuple[str, str, str]]) -> None:
        """See `OnlineStore`."""
        if self.snapshot_version() == version:
            return
        with self._writing, self._writer:
            self._writer.execute("DELETE FROM snapshots WHERE version = ?", (version,))  # what a killed load left
        batch: list[tuple[str, str, str, str]] = []
        for user in users:
            batch.append((version, *user))
            if len(batch) == ROWS_AT_ONCE:
                self._insert(batch)
                batch = []
        self._insert(batch)
        with self._writing, self._writer:
            self._point("snapshot", version)
        with self._writing, self._writer:
            self._writer.execute("DELETE FROM snapshots WHERE version <> ?", (version,))
        with self._writing, self._writer:
            self._writer.execute("DELETE FROM posted WHERE event_time < ?", (oldest_shown(self._posted_days),))
            surplus = self._writer.execute("SELECT count(*) FROM posted").fetchone()[0] - MOST_POSTED
            if surplus > 0:
                oldest = "SELECT event_id FROM posted ORDER BY event_time, event_id LIMIT ?"
                self._writer.execute(f"DELETE FROM posted WHERE event_id IN ({oldest})", (surplus,))

    def _state(self, user_id: str) -> UserState:
        rows = self._reader.execute(_USER, (user_id, POSTED_PER_USER, oldest_shown(self._posted_days))).fetchall()
        history, seen, posted = ((), (), ()), (), []
        for kind, *values in rows:
            if kind == "s":
                history, seen = map(json.loads, values[:2])
            else:
                event_id, item_id, event_type, event_time, value, request_id, release_id, position = values
                posted.append(PostedEvent(event_id, user_id, item_id, event_type, event_time, value, request_id, release_id, position))
        return UserState.read(history, seen, posted[::-1])

    def _insert(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        with self._writing, self._writer:
            self._writer.executemany("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", rows)

    def _write_anew(self) -> None:
        """Leave nothing of removed rows in the file: pages that were freed still hold what they held."""
        self._writer.execute("VACUUM")
        busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise OnlineStoreError(f"{self.path} is being read, so old pages stay in its log. Try again, or end the API for a moment.")

    def _point(self, name: str, value: str) -> None:
        self._writer.execute("INSERT INTO pointer VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))

    def _text(self, pointer: str) -> str | None:
        with self._reading:
            row = self._reader.execute(_POINTER, (pointer,)).fetchone()
        return str(row[0]) if row else None

    def _number(self, pointer: str) -> int:
        return int(self._text(pointer) or 0)

    def _count(self, pointer: str) -> None:
        row = self._writer.execute(_POINTER, (pointer,)).fetchone()
        self._point(pointer, str(int(row[0]) + 1 if row else 1))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
