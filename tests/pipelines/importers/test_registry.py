from pathlib import Path

import pytest

from pipelines.config import parse_config
from pipelines.importers.landing import ImportSourceError, ImportSummary
from pipelines.importers.registry import IMPORTERS, run_import
from pipelines.progress import Progress


def test_public_data_sets_are_known_by_name() -> None:
    assert set(IMPORTERS) == {"movielens", "xwines", "hm", "amazon_reviews"}


def test_without_a_name_the_mapping_of_the_config_counts(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("sku\na\n")
    values = {"workspace": str(tmp_path / "shop"), "mapping": {"catalogue": {"file": "x.csv", "columns": {"item_id": "sku"}}}}
    assert run_import(parse_config(values), tmp_path, progress=Progress()) == ImportSummary(items=1)


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="no importer is called 'netflix'; there are movielens, xwines"):
        run_import(parse_config({}), tmp_path, name="netflix", progress=Progress())


@pytest.mark.parametrize("given", [{"source": "gone"}, {"source": ".", "posters": "gone"}])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, given: dict[str, str]) -> None:
    folders = {key: tmp_path / folder for key, folder in given.items()}
    with pytest.raises(ImportSourceError, match="gone is no folder"):
        run_import(parse_config({}), folders["source"], name="movielens", posters=folders.get("posters"), progress=Progress())


def test_posters_of_a_mapped_source_are_named_in_the_config(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="image_root"):
        run_import(parse_config({}), tmp_path, posters=tmp_path, progress=Progress())
