"""What ingestion does with users before anything of a landing file is kept: erased ones stay out, the others get their names."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from feature_store.casts import text_of
from feature_store.layout import TableReader, Workspace
from feature_store.quarantine import Refusal
from feature_store.tombstones import Tombstones
from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames, user_names
from pipelines.config import Config

ERASED = "\0erased"
"""Stands for an erased user in rows that have been read and are not yet left out."""
OWN_IDS = UserNames().key_id


def names_of(config: Config) -> UserNames:
    """What this shop's users are called in tables and in the online store.

    Raises:
        UserKeyError: [privacy] asks for pseudonyms, and the environment holds no key that can be used.
    """
    return user_names(pseudonyms=config.privacy.pseudonyms, environment=os.environ)


@dataclass(frozen=True)
class Admission:
    """Of one night."""

    names: UserNames
    tombstones: Tombstones

    def prepare(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Rows of a landing file with users under their names; those of erased users stand under ERASED."""
        if self._idle or "user_id" not in raw.columns or raw.schema["user_id"].is_nested():
            return raw
        own = text_of(raw["user_id"])
        names = self.names.of_all(own)
        gone = self.tombstones.held(own) | self.tombstones.held(names)
        return raw.with_columns(names.alias("user_id")).with_columns(user_id=pl.when(gone).then(pl.lit(ERASED)).otherwise("user_id"))

    def conform(self, raw: pl.DataFrame, conform: Callable[[pl.DataFrame], tuple[pl.DataFrame, Refusal]]) -> tuple[pl.DataFrame, Refusal]:
        """What `conform` makes of prepared rows; rows of erased users are neither taken nor refused."""
        if self._idle or raw.schema.get("user_id") != pl.String:
            return conform(raw)
        kept = (raw["user_id"] != ERASED).fill_null(True)
        taken, refusal = conform(raw.filter(kept))
        places = kept.arg_true().cast(pl.Int64)
        return taken, Refusal(refusal.rows.with_columns(row=places.gather(refusal.rows["row"])))

    def without_content(self, unreadable: Mapping[str, str]) -> dict[str, str]:
        """Why files cannot be read, without what stands in them where that may name users who go by other names or are erased."""
        if self._idle:
            return dict(unreadable)
        return {
            name: f"{re.split('[:;]', why)[0]} (what was found there is not told: it may name users)" for name, why in unreadable.items()
        }

    @property
    def _idle(self) -> bool:
        """Whether rows pass as they are."""
        return self.names.key is None and not self.tombstones.digests


def open_admission(config: Config, workspace: Workspace, table: TableReader | None) -> Admission:
    """The rules in force.

    Args:
        config: The shop's.
        workspace: Where the tombstones are.
        table: What was taken in so far, if anything was.

    Raises:
        TombstoneError: The file of erased users is damaged.
        UserKeyError: There is no key, or the table was written under another one, so that the same users would have two names.
    """
    return Admission(_names_as_in(table, config, workspace), Tombstones.read(workspace.tombstones))


def names_in_log(config: Config) -> UserNames:
    """What users are called in the log that stands, or would be called in the first one.

    Raises:
        UserKeyError: There is no key, or the log was written under another one: nobody would be found.
    """
    workspace = config.open_workspace()
    return _names_as_in(workspace.read("events") if workspace.exists("events") else None, config, workspace)


def _names_as_in(table: TableReader | None, config: Config, workspace: Workspace) -> UserNames:
    names = names_of(config)
    before = table.manifest.facts.get("user_key", OWN_IDS) if table else names.key_id
    if before != names.key_id:
        raise UserKeyError(
            f"users of the log are named by key {before}, and [privacy] with {KEY_VARIABLE} asks for {names.key_id} ({OWN_IDS}: the shop's "
            f"own ids). Put the former key or setting back; or move {workspace.root / 'tables'} away, and the next night names everybody "
            "anew, from what then lies in the landing folders."
        )
    return names
