"""What the ranker's features need to know of every item as of one moment; files that a process without torch can read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.features.decay import HALF_LIFE_DAYS
from feature_store.features.item_features import WINDOWS
from feature_store.point_in_time import join_as_of
from recsys.data.further import COUNTED, FURTHER, FurtherFeature
from recsys.data.items import ALWAYS, Items

TABLE = "ranking_items.parquet"
VECTORS = "content_vectors.npy"
PRESENCE = "content_presence.npy"
DESCRIPTION = "ranking_items.json"


@dataclass(frozen=True, kw_only=True)
class RankingItems:
    """Items at one moment; row i is the item with item_index i."""

    wanted: npt.NDArray[np.float32]
    """(items, windows): how often each was wanted in the windows of `WINDOWS`, before the moment."""
    born: npt.NDArray[np.int64]
    """(items,), microseconds since 1970 UTC: first moment on sale, else the first event; ALWAYS where neither is known."""
    click_rate: npt.NDArray[np.float32]
    """(items,): smoothed clicks per impression; NaN where there was no impression."""
    mean_rating: npt.NDArray[np.float32]
    """(items,): smoothed mean of the stars; NaN where there were none."""
    price: npt.NDArray[np.float32]
    """(items,); NaN where unknown."""
    category: npt.NDArray[np.int64]
    """(items,): the widest category; -1 where there is none."""
    vectors: Mapping[str, npt.NDArray[np.float32]]
    """modality -> (items, dim) unit vectors around the mean of the catalogue; zero where absent."""
    presence: Mapping[str, npt.NDArray[np.bool_]]
    """modality -> (items,)"""
    further: Mapping[FurtherFeature, npt.NDArray[np.float32]] = field(default_factory=dict)
    """Some of FURTHER, in their order -> (items,); NaN where unknown, which COUNTED are nowhere."""

    def __len__(self) -> int:
        return len(self.born)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Content with vectors, in alphabetical order."""
        return tuple(sorted(self.vectors))


def build_ranking_items(
    items: Items, item_features: pl.DataFrame, *, moment: datetime, further: Sequence[FurtherFeature] = ()
) -> RankingItems:
    """Items as of a moment.

    Args:
        items: The catalogue.
        item_features: Rows of the table `item_features`, told `with_rates`; only those known strictly before the moment are looked at.
        moment: With time zone.
        further: What shall be among the further features if the shop has it; see `present_further`.
    """
    asked = pl.DataFrame({"item_id": list(items.vocabulary.item_ids)}, schema={"item_id": pl.String})
    asked = asked.with_columns(pl.lit(moment).cast(pl.Datetime("us", "UTC")).alias("predicted_at"))
    rows = join_as_of(asked, item_features, key="item_id")
    first = rows["first_event"].dt.epoch("us").fill_null(ALWAYS).to_numpy()
    centres = content_centres(items)
    modalities = {name: centred_units(items.vectors[name], items.presence[name], centre) for name, centre in centres.items()}
    return RankingItems(
        wanted=rows.select(pl.col(f"wanted_{name}").fill_null(0).cast(pl.Float32) for name in WINDOWS).to_numpy(),
        born=np.where(items.available_from == ALWAYS, first, items.available_from),
        click_rate=rows["click_rate"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        mean_rating=rows["mean_rating"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        price=items.price,
        category=items.first_category(),
        vectors=modalities,
        presence={name: items.presence[name] & (np.abs(vectors).max(axis=1, initial=0) > 0) for name, vectors in modalities.items()},
        further=_further(rows, present_further(item_features, further), moment),
    )


def present_further(item_features: pl.DataFrame, asked: Sequence[FurtherFeature]) -> tuple[FurtherFeature, ...]:
    """Those of FURTHER that are asked for and not null throughout the table; what was known before all its moments decides that."""
    return tuple(name for name in FURTHER if name in asked and item_features[name].count())


def _further(rows: pl.DataFrame, names: Sequence[FurtherFeature], moment: datetime) -> dict[FurtherFeature, npt.NDArray[np.float32]]:
    """Columns as of a moment, to which what decays has decayed on."""
    since = (pl.lit(moment).cast(pl.Datetime("us", "UTC")) - pl.col("event_time")).dt.total_microseconds() / 86_400_000_000
    decayed = pl.col("wanted_decayed") * 0.5 ** (since / HALF_LIFE_DAYS)
    told = rows.with_columns(decayed) if "wanted_decayed" in names else rows
    return {name: told[name].cast(pl.Float32).fill_null(0.0 if name in COUNTED else float("nan")).to_numpy() for name in names}


def save_ranking_items(folder: Path, items: RankingItems) -> None:
    """Write ranking_items.parquet, ranking_items.json, content_vectors.npy and content_presence.npy into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, npt.NDArray[Any]] = {f"wanted_{name}": items.wanted[:, place] for place, name in enumerate(WINDOWS)}
    columns |= {name: getattr(items, name) for name in ("born", "click_rate", "mean_rating", "price", "category")}
    columns |= {f"has_{name}": items.presence[name] for name in items.modalities} | dict(items.further)
    pl.DataFrame(columns).write_parquet(folder / TABLE, compression="zstd")
    content = joined_content(items.vectors, size=len(items))
    np.save(folder / VECTORS, content)
    np.save(folder / PRESENCE, content.any(axis=1))
    dims = {name: items.vectors[name].shape[1] for name in items.modalities}
    described = {"dims": dims, "further": list(items.further)}
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def load_ranking_items(folder: Path) -> RankingItems:
    """Read what `save_ranking_items` wrote."""
    rows = pl.read_parquet(folder / TABLE)
    described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    dims: dict[str, int] = described["dims"]
    return RankingItems(
        wanted=rows.select(f"wanted_{name}" for name in WINDOWS).to_numpy(),
        vectors=_parted_content(np.load(folder / VECTORS), dims),
        presence={name: rows[f"has_{name}"].to_numpy() for name in dims},
        further={name: rows[name].to_numpy() for name in described.get("further", ())},  # older releases know of none
        **{name: rows[name].to_numpy() for name in ("born", "click_rate", "mean_rating", "price", "category")},
    )


def extend_ranking_items(known: RankingItems, items: Items, content: npt.NDArray[np.float32]) -> RankingItems:
    """Items whose last ones have no event: these are as `build_ranking_items` describes such items.

    Args:
        known: Of all but the last items; what it has beyond them is left out.
        items: The catalogue.
        content: (last items, content_dim) as in content_vectors.npy.
    """
    size = len(items) - len(content)
    vectors = _parted_content(content, {name: known.vectors[name].shape[1] for name in known.modalities})
    unknown = np.full(len(content), np.nan, np.float32)
    return RankingItems(
        wanted=np.concatenate([known.wanted[:size], np.zeros((len(content), len(WINDOWS)), np.float32)]),
        born=np.concatenate([known.born[:size], items.available_from[size:]]),
        click_rate=np.concatenate([known.click_rate[:size], unknown]),
        mean_rating=np.concatenate([known.mean_rating[:size], unknown]),
        price=np.concatenate([known.price[:size], items.price[size:]]),
        category=items.first_category(),
        vectors={name: np.concatenate([known.vectors[name][:size], block]) for name, block in vectors.items()},
        presence={name: np.concatenate([known.presence[name][:size], block.any(axis=1)]) for name, block in vectors.items()},
        further={
            name: np.concatenate([values[:size], np.zeros_like(unknown) if name in COUNTED else unknown])
            for name, values in known.further.items()
        },
    )


def content_centres(items: Items) -> dict[str, npt.NDArray[np.float32]]:
    """modality, in alphabetical order -> (dim,) mean of its vectors; zero where fewer than two items have it."""
    return {
        name: vectors[items.presence[name]].mean(axis=0) if items.presence[name].sum() > 1 else np.zeros(vectors.shape[1], np.float32)
        for name, vectors in sorted(items.vectors.items())
    }


def centred_units(
    vectors: npt.NDArray[np.float32], present: npt.NDArray[np.bool_], centre: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(items, dim): raw encodings share one great direction; around their mean, cosines tell items apart. Zero where absent."""
    return _units(np.where(present[:, None], vectors - centre, 0))


def joined_content(vectors: Mapping[str, npt.NDArray[np.float32]], *, size: int) -> npt.NDArray[np.float32]:
    """(size, content_dim): vectors of the modalities (see `centred_units`) side by side, in alphabetical order, together of length 1."""
    return _units(np.concatenate([np.zeros((size, 0), np.float32), *(vectors[name] for name in sorted(vectors))], axis=1))


def _parted_content(content: npt.NDArray[np.float32], dims: Mapping[str, int]) -> dict[str, npt.NDArray[np.float32]]:
    """What `joined_content` joined, as unit vectors again."""
    ends = np.cumsum(list(dims.values()))
    return {name: _units(content[:, end - dims[name] : end]) for name, end in zip(dims, ends, strict=True)}


def _units(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: npt.NDArray[np.float32] = (vectors / np.where(length > 0, length, 1)).astype(np.float32)
    return units
