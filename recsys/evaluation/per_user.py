"""Values of every user as a frame that can be kept, and back: what lets two nights be compared pair by pair."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.evaluation.gates import PerUser, slice_column
from recsys.evaluation.judge import Judgement
from recsys.evaluation.slices import HISTORY_BOUNDS, Slice, history_length_label, slice_metrics
from recsys.evaluation.truth import SCOPES, Truth

KEYS = ("user_id", "model", "scope", "history")


def gather(judgements: Sequence[Judgement], truth: Truth, slices: Sequence[Slice]) -> dict[str, PerUser]:
    """Model -> metrics of items new to the user and, under `<metric> | <slice>`, those of each slice."""
    judged: dict[str, PerUser] = {}
    for judgement in judgements:
        values = dict(judgement.metrics["new"])
        for part in slices:
            values |= {slice_column(part.name, metric): value for metric, value in slice_metrics(judgement, truth, part).items()}
        judged[judgement.name] = values
    return judged


def to_frame(judgements: Sequence[Judgement], judged: Mapping[str, PerUser], truth: Truth) -> pl.DataFrame:
    """One row per user, model and scope; null where a user does not count. Slices stand in the rows of scope `new`."""
    history = np.array([name for _, name in HISTORY_BOUNDS])[history_length_label(truth)]
    frames = []
    for judgement in judgements:
        for scope in SCOPES:
            values = judged[judgement.name] if scope == "new" else judgement.metrics[scope]
            keys = {"user_id": truth.user_ids.tolist(), "model": judgement.name, "scope": scope, "history": history.tolist()}
            frames.append(pl.DataFrame(keys).with_columns(pl.Series(name, column, nan_to_null=True) for name, column in values.items()))
    return pl.concat(frames, how="diagonal")


def from_frame(frame: pl.DataFrame, user_ids: npt.NDArray[np.object_]) -> dict[str, PerUser]:
    """What `gather` made, read back for the users of another judgement, in their order; NaN for a user the frame does not hold."""
    wanted = pl.DataFrame({"user_id": user_ids.tolist()}, schema={"user_id": pl.String})
    judged: dict[str, PerUser] = {}
    for (model,), rows in frame.filter(pl.col("scope") == "new").group_by("model", maintain_order=True):
        aligned = wanted.join(rows, on="user_id", how="left", maintain_order="left")
        judged[str(model)] = {
            name: aligned[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in aligned.columns if name not in KEYS
        }
    return judged
