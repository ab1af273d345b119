from pathlib import Path

from feature_store.layout import Workspace
from feature_store.times import TimeRule
from pipelines.config import parse_config
from pipelines.landing import landing_digests, list_source, time_rule


def test_folders_lie_below_the_workspace_unless_absolute(tmp_path: Path) -> None:
    for folder in ("shop/in", "feed"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.csv").write_text(folder)
    found = list_source(["in", str(tmp_path / "feed")], Workspace(tmp_path / "shop"))
    assert [file.name for file in found] == ["in/x.csv", f"{tmp_path}/feed/x.csv"]


def test_digests_change_with_a_name_and_with_content(tmp_path: Path) -> None:
    def digests(**files: str) -> object:
        for path in tmp_path.iterdir():
            path.unlink()
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return landing_digests(["."], Workspace(tmp_path))

    assert digests(a="1") != digests(b="1")
    assert digests(a="1") != digests(a="22")


def test_times_follow_the_config() -> None:
    assert time_rule(parse_config({})) == TimeRule()
    assert time_rule(parse_config({"sources": {"time_unit": "ms", "naive_times": "utc"}})) == TimeRule(unit="ms", naive_utc=True)
