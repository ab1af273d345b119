from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore

Open = Callable[..., OnlineStore]
"""Opens one more handle on the same store, as another process would."""


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    return str(tmp_path / "store.sqlite") if request.param == "sqlite" else request.getfixturevalue("empty_redis").url


@pytest.fixture
def opened(place: str) -> Iterator[Open]:
    handles: list[OnlineStore] = []

    def open_another(**more: int) -> OnlineStore:
        handles.append(open_store(place, **more))
        return handles[-1]

    yield open_another
    for handle in handles:
        handle.close()


@pytest.fixture
def store(opened: Open) -> OnlineStore:
    return opened()
