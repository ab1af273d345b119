"""Killed inside a stage, the next night goes on and ends with the same release as an undisturbed one."""

import json
from pathlib import Path

import pytest

from feature_store.layout import Workspace
from tests.support.small_night import draw, night_apart

pytestmark = pytest.mark.slow


def _digests(workspace: Path) -> dict[str, str]:
    """Of what the newest release is made of."""
    release_id = Workspace(workspace).read("release").manifest.facts["release_id"]
    told = json.loads((workspace / "releases" / release_id / "release.json").read_text(encoding="utf-8"))
    return {name: entry["sha256"] for name, entry in told["files"].items() if name != "report.html"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("whole")
    draw(root)
    assert night_apart(root) == 0
    return _digests(root)


def test_killed_again_and_again_the_night_ends_with_the_same_release(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    draw(tmp_path)
    moments = {
        "reading events": 0,
        "learning from": 0,
        "embedding photos": 1,
        "validation, epoch 2": 1,
        "released, epoch 1": 0,
        "ranker, epoch 2": 0,
    }
    for bar, number in moments.items():
        assert night_apart(tmp_path, bar=bar, number=number) == -9, f"nothing was tracked as «{bar}» up to item {number}"
    assert night_apart(tmp_path) == 0
    assert _digests(tmp_path) == undisturbed
