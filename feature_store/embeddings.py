"""Read the vectors of every modality; vectors of two encoders never come together.

A modality's files hold its vectors in fp32 or, where the fact `storage` says so, in fp16. Whoever reads them here gets fp32.
"""

from collections.abc import Iterator, Mapping

import polars as pl
import pyarrow as pa

from feature_store.errors import MixedEncodersError
from feature_store.layout import TableReader
from feature_store.schema import Table, item_embeddings

HALF = "fp16"


def embeddings_table(table: TableReader, modality: str) -> Table:
    """What the files of a modality are."""
    facts = table.manifest.facts
    return item_embeddings(facts["dims"][modality], half=facts.get("storage", {}).get(modality) == HALF)


def scan_embeddings(table: TableReader, modality: str) -> pl.LazyFrame:
    """The rows of a modality, in fp32."""
    rows = table.scan(embeddings_table(table, modality), prefix=f"modality={modality}/")
    return rows.with_columns(pl.col("vector").cast(item_embeddings(table.manifest.facts["dims"][modality]).schema["vector"]))


def read_embeddings(table: TableReader) -> Mapping[str, pl.DataFrame]:
    """modality -> its rows of the table `item_embeddings`, in fp32.

    Raises:
        MixedEncodersError: The vectors of a modality come from more than one encoder.
    """
    return {modality: _of_one_encoder(table, modality) for modality in table.manifest.facts["dims"]}


def encoder_versions(table: TableReader) -> Mapping[str, str]:
    """modality -> version of the encoder of its vectors, which `read_embeddings` holds to be one; none without items."""
    found = {}
    for modality in table.manifest.facts["dims"]:
        rows = scan_embeddings(table, modality).select("encoder_version").head(1).collect()
        if rows.height:
            found[modality] = rows.item()
    return found


def numbers_of(vectors: pl.Series) -> Iterator[pa.Array]:
    """The numbers of vectors, one after the other, over the memory they were read into: nothing is copied.

    numpy takes an array as it is (`to_numpy`), and so does torch (`torch.from_dlpack`). Where a vector is null they mean nothing.

    Args:
        vectors: The column `vector` of some rows.

    Yields:
        An array for each part of the column, (vectors of the part * dim,), in order.
    """
    for part in vectors.get_chunks():
        rows = part.to_arrow()
        values = rows.values
        numbers = pa.Array.from_buffers(values.type, len(values), [None, values.buffers()[1]], offset=values.offset)
        dim = rows.type.list_size
        yield numbers.slice(rows.offset * dim, len(rows) * dim)


def _of_one_encoder(table: TableReader, modality: str) -> pl.DataFrame:
    rows = scan_embeddings(table, modality).collect()
    versions = rows["encoder_version"].value_counts(sort=True)
    if len(versions) > 1:
        found = ", ".join(f"{version} ({count} rows)" for version, count in versions.iter_rows())
        raise MixedEncodersError(
            f"{table.directory}: the {modality} vectors come from {len(versions)} encoders: {found}. Only vectors of one can be compared. "
            "Run `vitrine nightly --from embed_items`; if that does not help, delete the table and run the night again."
        )
    return rows
