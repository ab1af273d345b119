"""What a shop says of its users, as arrays: for each attribute the values that every user has had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.data.runs import gather_runs
from recsys.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class UserAttribute:
    """One attribute of all users; each has one value at a time, or none."""

    values: tuple[str, ...]
    offsets: npt.NDArray[np.int64]
    """(users + 1,): values of user u, oldest first, are index[offsets[u] : offsets[u + 1]]."""
    index: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.int64]
    """Since when each is so, in microseconds since 1970 UTC."""

    def asked(self, rows: npt.NDArray[np.int64]) -> "UserAttribute":
        """Of the users in some rows, one behind another as asked; row -1 is a user of whom nothing is known."""
        offsets, places = gather_runs(self.offsets, rows)
        return replace(self, offsets=offsets, index=self.index[places], known_at=self.known_at[places])

    def before(self, moments: int | npt.NDArray[np.int64]) -> "UserAttribute":
        """What was known strictly before a moment, or each value before its own, in microseconds since 1970 UTC."""
        known = self.known_at < moments
        return replace(self, offsets=np.r_[0, np.cumsum(known)][self.offsets], index=self.index[known], known_at=self.known_at[known])

    def as_of(self, rows: npt.NDArray[np.int64], moments: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """(users,): index of each user's newest value that was known strictly before the user's moment; -1 for none.

        Args:
            rows: Of users; -1 is one of whom nothing is known.
            moments: (users,) microseconds since 1970 UTC; None: all is known.
        """
        start = self.offsets[rows]
        end = np.where(rows >= 0, self.offsets[rows + 1], start)
        found = np.full(len(rows), -1)
        for step in range(int((end - start).max(initial=0))):
            place = np.minimum(start + step, end - 1)
            holds = start + step < end
            if moments is not None:
                holds &= self.known_at[place] < moments
            found[holds] = self.index[place[holds]]
        return found


def build_user_attributes(user_ids: Sequence[str], told: pl.DataFrame) -> dict[str, UserAttribute]:
    """Attribute -> what is known of these users, in alphabetical order.

    Args:
        user_ids: In the order of their rows.
        told: Rows of the table `users`; those of other users are left out.
    """
    row = pl.DataFrame({"user_id": user_ids, "row": np.arange(len(user_ids))}, schema_overrides={"user_id": pl.String})
    rows = told.join(row, on="user_id").sort("attribute", "row", "known_at")
    return {name: _attribute(part, num_users=len(user_ids)) for (name,), part in rows.group_by("attribute", maintain_order=True)}


def _attribute(rows: pl.DataFrame, *, num_users: int) -> UserAttribute:
    values = rows["value"].unique().sort()
    return UserAttribute(
        values=tuple(values),
        offsets=np.r_[0, np.cumsum(np.bincount(rows["row"].to_numpy(), minlength=num_users))].astype(np.int64),
        index=rows["value"].cast(pl.Enum(values)).to_physical().to_numpy().astype(np.int64),
        known_at=rows["known_at"].dt.epoch("us").to_numpy(),
    )


def attribute_slots(
    attributes: Mapping[str, UserAttribute],
    values: Mapping[str, Sequence[str]],
    rows: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """(users, attributes): what a user tower reads: place of the value among those it knows + 1, 0 for none of them.

    Args:
        attributes: What is known.
        values: Attribute -> the values that the tower knows, in order.
        rows: See `UserAttribute.as_of`.
        moments: See `UserAttribute.as_of`.
    """
    slots = np.zeros((len(rows), len(values)), np.int64)
    for column, (name, known) in enumerate(values.items()):
        if name in attributes:
            found = attributes[name]
            place = np.r_[Vocabulary(list(known)).index(found.values) + 1, 0]  # the last one is that of -1
            slots[:, column] = place[found.as_of(rows, moments)]
    return slots


def known_slots(values: Mapping[str, Sequence[str]], said: Mapping[str, str]) -> npt.NDArray[np.int64]:
    """(1, attributes): the same of one user of whom this is said, attribute -> value."""
    return np.array([[list(known).index(said[name]) + 1 if said.get(name) in known else 0 for name, known in values.items()]], np.int64)


def shared_values(attributes: Mapping[str, UserAttribute], names: Sequence[str], *, min_users: int) -> dict[str, tuple[str, ...]]:
    """Attribute, in alphabetical order -> its values that at least `min_users` users have or had; others say of a user only who it is.

    Args:
        attributes: What is known.
        names: Attributes that are asked for; those that nobody has, or without such a value, are left out.
        min_users: Least number of users.
    """
    shared = {}
    for name in sorted(names):
        if name in attributes:
            found = attributes[name]
            user = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
            counts = np.bincount(np.unique(user * len(found.values) + found.index) % len(found.values), minlength=len(found.values))
            shared[name] = tuple(value for value, count in zip(found.values, counts, strict=True) if count >= min_users)
    return {name: values for name, values in shared.items() if values}
