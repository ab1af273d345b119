"""Users who were erased and may not come back: known again when they are met, and named nowhere."""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from feature_store.errors import FeatureStoreError
from feature_store.manifest import write_text_atomically


class TombstoneError(FeatureStoreError):
    """The file of tombstones is there and cannot be read; without it erased users would come back."""


@dataclass(frozen=True)
class Tombstones:
    """Salted digests of the shop's own ids of erased users.

    Keyed BLAKE2b (RFC 7693) under a random salt of the workspace: digests made elsewhere tell nothing. Whoever holds both this file and a
    list of possible ids can still try them one by one: docs/adr/0004 says why that is so.
    """

    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    digests: frozenset[str] = frozenset()

    def digest(self, user_id: str) -> str:
        """32 hexadecimal digits."""
        return hashlib.blake2b(user_id.encode(), key=self.salt, digest_size=16).hexdigest()

    def holds(self, user_id: str) -> bool:
        """Whether a user, by the shop's own id, was erased."""
        return bool(self.digests) and self.digest(user_id) in self.digests

    def held(self, user_ids: pl.Series) -> pl.Series:
        """Which rows of a column of the shop's own ids are of erased users; false for null."""
        gone = [user_id for user_id in user_ids.drop_nulls().unique() if self.holds(user_id)]
        return user_ids.is_in(gone).fill_null(False)

    def with_users(self, user_ids: Iterable[str]) -> "Tombstones":
        """These and more."""
        return Tombstones(self.salt, self.digests | {self.digest(user_id) for user_id in user_ids})

    def to_json(self) -> str:
        """One line."""
        return json.dumps({"format": 1, "salt": self.salt.hex(), "digests": sorted(self.digests)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote.

        Raises:
            TombstoneError: It is something else.
        """
        try:
            values = json.loads(text)
            return cls(bytes.fromhex(values["salt"]), frozenset(values["digests"]))
        except (ValueError, KeyError, TypeError) as error:
            raise TombstoneError(
                f"the tombstones cannot be read ({error!r}). Put the file back from a backup: it keeps out who was erased."
            ) from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Those of a file; none where there is no file.

        Raises:
            TombstoneError: The file is damaged.
        """
        return cls.from_json(path.read_text(encoding="utf-8")) if path.is_file() else cls()

    def write(self, path: Path) -> None:
        """Replace the file, which only its owner may read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, self.to_json() + "\n")
        path.chmod(0o600)
