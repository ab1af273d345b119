"""What may be asked of `recommend`, and what it says where it cannot answer; its answers are tested end to end."""

from pathlib import Path

import pytest

from feature_store.errors import MissingTableError
from pipelines.config import Config, parse_config
from pipelines.progress import Progress
from pipelines.recommend import RecommendError, Wanted, recommend, release_folder
from pipelines.releases import ReleaseError
from tests.support.tiny_release import build_release


def _config(root: Path) -> Config:
    return parse_config({"workspace": str(root)})


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(users=["u"], k=0), "k is 0; ask for at least 1 item"),
        (Wanted(users=["u"], stage="slates"), "no stage 'slates'; it is retrieval or slate"),
        (Wanted(users=["u"], model="esae"), "no model 'esae'; known are .*ease.*leave it out"),
    ],
    ids=["k", "stage", "model"],
)
def test_what_cannot_be_meant_is_refused_with_what_may_be_asked(tmp_path: Path, wanted: Wanted, message: str) -> None:
    with pytest.raises(RecommendError, match=message):
        recommend(_config(tmp_path), wanted, progress=Progress())


def test_without_a_champion_the_answer_is_to_run_a_night(tmp_path: Path) -> None:
    with pytest.raises(RecommendError, match=r"no release has been promoted yet.*run `vitrine nightly`"):
        release_folder(_config(tmp_path).open_workspace(), "")


def test_without_a_champion_the_challengers_are_named(tmp_path: Path) -> None:
    release = build_release(tmp_path / "releases", champion=False)
    with pytest.raises(RecommendError, match=f"--release. Releases: {release.name}"):
        release_folder(_config(tmp_path).open_workspace(), "")


def test_a_challenger_is_read_by_its_name(tmp_path: Path) -> None:
    release = build_release(tmp_path / "releases", champion=False)
    assert release_folder(_config(tmp_path).open_workspace(), release.name).samefile(release)


def test_a_release_outside_the_shelf_is_no_release(tmp_path: Path) -> None:
    build_release(tmp_path / "elsewhere")
    with pytest.raises(ReleaseError, match=r"no release '\.\./elsewhere/20260101-00000000'"):
        release_folder(_config(tmp_path).open_workspace(), "../elsewhere/20260101-00000000")


def test_a_release_without_the_tables_of_its_shop_says_which_is_missing(tmp_path: Path) -> None:
    build_release(tmp_path / "releases")
    with pytest.raises(MissingTableError, match="catalogue"):
        recommend(_config(tmp_path), Wanted(users=["u"]), progress=Progress())
