"""Read the vectors of every modality; vectors of two encoders never come together."""

from collections.abc import Mapping

import polars as pl

from feature_store.errors import MixedEncodersError
from feature_store.layout import TableReader
from feature_store.schema import item_embeddings


def read_embeddings(table: TableReader) -> Mapping[str, pl.DataFrame]:
    """modality -> its rows of the table `item_embeddings`.

    Raises:
        MixedEncodersError: The vectors of a modality come from more than one encoder.
    """
    dims = table.manifest.facts["dims"]
    return {modality: _of_one_encoder(table, modality, dim) for modality, dim in dims.items()}


def encoder_versions(table: TableReader) -> Mapping[str, str]:
    """modality -> version of the encoder of its vectors, which `read_embeddings` holds to be one; none without items."""
    found = {}
    for modality, dim in table.manifest.facts["dims"].items():
        rows = table.scan(item_embeddings(dim), prefix=f"modality={modality}/").select("encoder_version").head(1).collect()
        if rows.height:
            found[modality] = rows.item()
    return found


def _of_one_encoder(table: TableReader, modality: str, dim: int) -> pl.DataFrame:
    rows = table.scan(item_embeddings(dim), prefix=f"modality={modality}/").collect()
    versions = rows["encoder_version"].value_counts(sort=True)
    if len(versions) > 1:
        found = ", ".join(f"{version} ({count} rows)" for version, count in versions.iter_rows())
        raise MixedEncodersError(
            f"{table.directory}: the {modality} vectors come from {len(versions)} encoders: {found}. Only vectors of one can be compared. "
            "Run `vitrine nightly --from embed_items`; if that does not help, delete the table and run the night again."
        )
    return rows
