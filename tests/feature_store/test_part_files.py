from pathlib import Path

import polars as pl

from feature_store.layout import Workspace
from feature_store.part_files import write_parts
from feature_store.schema import KNOWLEDGE

ROWS = pl.DataFrame({"item_id": [f"i{place}" for place in range(10)], "relation": "colour", "entity": "red"})


def digest(root: Path, *parts: pl.DataFrame) -> tuple[str, int]:
    with Workspace(root).write("knowledge") as writer:
        write_parts(writer, parts, KNOWLEDGE, rows_in_file=4)
        manifest = writer.commit()
    return manifest.content_digest, len(manifest.files)


def test_how_many_rows_are_made_at_once_does_not_show_in_the_files(tmp_path: Path) -> None:
    whole = digest(tmp_path, ROWS)
    assert whole[1] == 3  # 4 + 4 + 2 rows
    assert digest(tmp_path, ROWS.head(1), ROWS.slice(1, 8), KNOWLEDGE.empty(), ROWS.tail(1)) == whole


def test_no_parts_are_a_table_of_no_rows(tmp_path: Path) -> None:
    assert digest(tmp_path)[1] == 1
