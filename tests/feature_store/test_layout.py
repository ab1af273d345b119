import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from feature_store.errors import DamagedTableError, MissingTableError, SchemaError
from feature_store.layout import TableReader, Workspace
from feature_store.schema import Column, Table

NUMBERS = Table(name="numbers", version=1, key=("n",), columns=(Column(name="n", dtype=pl.Int64, meaning="any"),))


def numbers(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"n": list(values)}, schema=NUMBERS.schema)


def write(workspace: Workspace, **files: pl.DataFrame) -> TableReader:
    with workspace.write("numbers") as writer:
        for name, frame in files.items():
            writer.write(frame, NUMBERS, file=f"{name}.parquet")
        writer.commit()
    return workspace.read("numbers")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_what_is_committed_is_read_in_the_order_of_its_paths(workspace: Workspace) -> None:
    reader = write(workspace, b=numbers(2), a=numbers(3, 1))
    assert reader.scan(NUMBERS).collect()["n"].to_list() == [3, 1, 2]


def test_a_table_that_nobody_wrote_is_named_with_what_to_do(workspace: Workspace) -> None:
    assert not workspace.exists("numbers")
    with pytest.raises(MissingTableError, match=r"no table numbers .* Run `vitrine nightly` first"):
        workspace.read("numbers")


def test_without_a_commit_the_old_table_stands(workspace: Workspace) -> None:
    old = write(workspace, a=numbers(1))
    with workspace.write("numbers") as writer:
        writer.write(numbers(2), NUMBERS)
    assert workspace.read("numbers") == old


def test_an_error_while_writing_leaves_the_old_table_and_no_rubbish(workspace: Workspace) -> None:
    old = write(workspace, a=numbers(1))
    with pytest.raises(SchemaError), workspace.write("numbers") as writer:
        writer.write(numbers(2, 2), NUMBERS)
    assert workspace.read("numbers") == old
    assert sorted(path.name for path in old.directory.iterdir()) == sorted(["manifest.json", old.manifest.folder])


def test_a_reader_keeps_its_build_through_the_next_commit(workspace: Workspace) -> None:
    old = write(workspace, a=numbers(1))
    write(workspace, a=numbers(2))
    assert old.scan(NUMBERS).collect()["n"].to_list() == [1]


def test_only_this_build_and_the_last_stay_on_disk(workspace: Workspace) -> None:
    readers = [write(workspace, a=numbers(value)) for value in range(3)]
    assert [reader.folder.exists() for reader in readers] == [False, True, True]


def test_equal_contents_have_an_equal_digest(workspace: Workspace) -> None:
    assert write(workspace, a=numbers(1)).manifest.content_digest == write(workspace, a=numbers(1)).manifest.content_digest


def test_committing_again_heals_a_damaged_build(workspace: Workspace) -> None:
    reader = write(workspace, a=numbers(1))
    reader.path("a.parquet").write_bytes(b"rubbish")
    healed = write(workspace, a=numbers(1))
    assert healed.folder == reader.folder
    assert healed.scan(NUMBERS).collect()["n"].to_list() == [1]


def test_a_kept_file_is_the_same_file(workspace: Workspace) -> None:
    old = write(workspace, a=numbers(1), b=numbers(2))
    with workspace.write("numbers") as writer:
        writer.keep(old, "a.parquet")
        writer.commit()
    new = workspace.read("numbers")
    assert list(new.manifest.files) == ["a.parquet"]
    assert new.path("a.parquet").samefile(old.path("a.parquet"))


def test_refused_rows_are_read_only_when_asked_for(workspace: Workspace) -> None:
    with workspace.write("numbers") as writer:
        writer.write(numbers(1), NUMBERS)
        writer.write(numbers(-1), NUMBERS, file="quarantine/part-0000.parquet")
        writer.commit()
    reader = workspace.read("numbers")
    assert reader.scan(NUMBERS).collect()["n"].to_list() == [1]
    assert reader.scan(NUMBERS, prefix="quarantine/").collect()["n"].to_list() == [-1]


def test_a_prefix_that_no_file_has_reads_no_rows(workspace: Workspace) -> None:
    assert_frame_equal(write(workspace, a=numbers(1)).scan(NUMBERS, prefix="other/").collect(), NUMBERS.empty())


def test_file_names_mean_nothing_but_themselves(tmp_path: Path) -> None:
    reader = write(Workspace(tmp_path / "shop [1] n=7"), **{"n=5/part*": numbers(1)})
    assert reader.scan(NUMBERS).collect().rows() == [(1,)]


def test_a_file_of_another_schema_is_named(workspace: Workspace) -> None:
    reader = write(workspace, a=numbers(1))
    other = Table(name="numbers", version=1, key=("n",), columns=(Column(name="n", dtype=pl.String, meaning="any"),))
    with pytest.raises(SchemaError, match=r"a\.parquet: columns .*Int64.* wanted .*String"):
        reader.scan(other)


@pytest.mark.parametrize("file", ["a.parquet", "unheard.parquet"])
def test_a_file_that_is_gone_or_was_never_listed_is_named(workspace: Workspace, file: str) -> None:
    reader = write(workspace, a=numbers(1), b=numbers(2))
    (reader.folder / "a.parquet").unlink()
    with pytest.raises(DamagedTableError, match=rf"numbers has no file {file}; it lists \['a.parquet', 'b.parquet'\]"):
        reader.path(file)


def test_what_a_dead_process_was_building_is_swept_and_a_live_one_left_alone(workspace: Workspace) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    abandoned, busy = (workspace.table("numbers") / f".building-{process}" for process in (int(dead.stdout), os.getppid()))
    abandoned.mkdir(parents=True)
    busy.mkdir()
    write(workspace, a=numbers(1))
    assert (abandoned.exists(), busy.exists()) == (False, True)
