import sys
from pathlib import Path

import pytest

from feature_store.errors import OnlineStoreError
from feature_store.online.opening import open_store


def test_a_place_that_is_no_url_is_a_file(tmp_path: Path) -> None:
    open_store(tmp_path / "shop" / "store.sqlite").close()
    assert (tmp_path / "shop" / "store.sqlite").is_file()


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feature_store.online.redis_store", None)
    with pytest.raises(OnlineStoreError, match=r"redis://cache:6379/0 needs the package redis.*pip install 'vitrine\[redis\]'"):
        open_store("redis://cache")
