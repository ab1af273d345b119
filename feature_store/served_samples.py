"""What the API says of a sampled answer: whom it was for, which version gave it, and all that the ranker read; one line of JSON each."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

PACKING = 1
"""zlib level of the matrices, the fastest."""


@dataclass(frozen=True, kw_only=True)
class ServedSample:
    """One answer of the ranker."""

    request_id: str
    time: int
    """Moment of the answer, microseconds since 1970 UTC."""
    user_id: str
    """By the name that users have in the online store: the pseudonym where there are pseudonyms."""
    release_id: str
    snapshot: str | None
    """Version of the night's snapshot that the store answered from; None before the first."""
    additions: int
    """Version of the items that had been added to the release; 0: none."""
    posted: tuple[str, ...]
    """Ids of the posted events that the answer knew of."""
    item_ids: tuple[str, ...]
    """Candidates, in the order of the retriever."""
    retrieval_scores: npt.NDArray[np.float32]
    """(candidates,)"""
    feature_names: tuple[str, ...]
    features: npt.NDArray[np.float32]
    """(candidates, features): what the ranker read."""
    slate: tuple[str, ...]
    """Items that were answered, best first."""

    def to_line(self) -> bytes:
        """JSON without a line break; arrays as hexadecimal digits, which no search for a whole user id can take for one."""
        return json.dumps({name: _plain(value) for name, value in asdict(self).items()}).encode()

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """What `to_line` wrote; None where a full disk has cut the line off."""
        try:
            told = json.loads(line)
            arrays = {name: _packed(told[name]) for name in ("retrieval_scores", "features")}
            texts = {name: tuple(told[name]) for name in ("posted", "item_ids", "feature_names", "slate")}
            arrays["features"] = arrays["features"].reshape(len(texts["item_ids"]), len(texts["feature_names"]))
            return cls(**{entry.name: told[entry.name] for entry in fields(cls)} | arrays | texts)
        except (ValueError, KeyError, TypeError, zlib.error):
            return None


def sample_lines(file: Path) -> Iterator[bytes]:
    """Lines of one file, as they stand."""
    with file.open("rb") as lines:
        yield from (line.strip() for line in lines if line.strip())


def sample_files(folder: Path) -> list[Path]:
    """Files of samples, oldest day first; none where nothing was ever sampled."""
    return sorted(folder.glob("*.jsonl"))


def _plain(value: Any) -> Any:
    return zlib.compress(value.astype("<f4").tobytes(), PACKING).hex() if isinstance(value, np.ndarray) else value


def _packed(digits: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(zlib.decompress(bytes.fromhex(digits)), "<f4").astype(np.float32)
