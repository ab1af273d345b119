import contextlib
from pathlib import Path

import pytest

from feature_store.online.protocol import AddedItem
from pipelines.config import Config, parse_config
from pipelines.online_store import open_online_store
from pipelines.recommend import RecommendError
from pipelines.withdraw import WithdrawError, withdraw_items
from tests.support.tiny_release import build_release


@pytest.fixture(params=["sqlite", "redis"])
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    release = build_release(tmp_path / "releases")
    place = request.param if request.param == "sqlite" else request.getfixturevalue("empty_redis").url
    config = parse_config({"workspace": str(tmp_path), "online_store": {"place": place}})
    with contextlib.closing(open_online_store(config)) as store:
        store.add_items(release.name, [AddedItem({"item_id": "n"}, b"", b"", 0.0)])
    return config


def withdrawn(config: Config) -> frozenset[str]:
    with contextlib.closing(open_online_store(config)) as store:
        return store.item_changes().withdrawn


def test_published_and_added_items_are_withdrawn_and_restored(config: Config) -> None:
    withdraw_items(config, ["i3", "n"])
    assert withdrawn(config) == {"i3", "n"}
    withdraw_items(config, ["n"], restore=True)
    assert withdrawn(config) == {"i3"}


def test_with_an_unknown_id_among_them_nothing_is_changed(config: Config) -> None:
    with pytest.raises(WithdrawError, match="has no item 'x1': nothing was changed"):
        withdraw_items(config, ["i3", "x1"])
    assert withdrawn(config) == set()


def test_without_a_champion_nothing_can_be_withdrawn(tmp_path: Path) -> None:
    with pytest.raises(RecommendError, match="no release has been promoted"):
        withdraw_items(parse_config({"workspace": str(tmp_path)}), ["i3"])
