"""What users are called in our tables: the shop's own ids, or pseudonyms that only the holder of a key can make."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from feature_store.errors import FeatureStoreError

KEY_VARIABLE = "VITRINE_USER_KEY"
LEAST_KEY_CHARACTERS = 32
PREFIX = "p_"
DIGITS = 32
"""Hexadecimal; 128 bits, so that no two users of any shop share a pseudonym."""


class UserKeyError(FeatureStoreError):
    """The key of the pseudonyms is missing, too short, or another one than the log was written with."""


@dataclass(frozen=True)
class UserNames:
    """The names of users under a key.

    A pseudonym is HMAC-SHA256 (RFC 2104) of the shop's id, cut to 128 bits: the same for the same id and key, so histories stay whole, and
    nobody without the key can tell whose it is or make one. A pseudonym stays as it is, so what our tables show can be asked for.
    """

    key: bytes | None = field(default=None, repr=False)
    """None: users go by the shop's own ids."""

    @property
    def key_id(self) -> str:
        """Tells keys apart and tells nothing of them; `own` where users go by the shop's own ids."""
        return "own" if self.key is None else hmac.digest(self.key, b"key id", hashlib.sha256).hex()[:8]

    def of(self, user_id: str) -> str:
        """What a user is called in tables and in the online store."""
        if self.key is None or _is_pseudonym(user_id):
            return user_id
        return PREFIX + hmac.digest(self.key, user_id.encode(), hashlib.sha256).hex()[:DIGITS]

    def of_all(self, user_ids: pl.Series) -> pl.Series:
        """The same of a column of texts; null stays null."""
        if self.key is None:
            return user_ids
        distinct = user_ids.drop_nulls().unique()
        return user_ids.replace_strict(distinct, [self.of(user_id) for user_id in distinct], default=None, return_dtype=pl.String)


def user_names(*, pseudonyms: bool, environment: Mapping[str, str]) -> UserNames:
    """The names that a configuration asks for.

    Raises:
        UserKeyError: It asks for pseudonyms, and the environment holds no key, or one that can be guessed.
    """
    if not pseudonyms:
        return UserNames()
    key = environment.get(KEY_VARIABLE, "")
    if len(key) < LEAST_KEY_CHARACTERS:
        found = f"{KEY_VARIABLE} has {len(key)} characters" if key else f"{KEY_VARIABLE} is not set"
        raise UserKeyError(
            f"pseudonyms of users are asked for, and {found}; at least {LEAST_KEY_CHARACTERS} are wanted. Put the key of this shop into "
            "the environment (a new one: `openssl rand -hex 32`), and keep it: without it nobody can be found again."
        )
    return UserNames(key.encode())


def _is_pseudonym(user_id: str) -> bool:
    digits = user_id.removeprefix(PREFIX)
    return len(user_id) == len(PREFIX) + DIGITS == len(digits) + len(PREFIX) and not set(digits) - set("0123456789abcdef")
