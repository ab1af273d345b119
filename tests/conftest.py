"""What every test runs under: offline, one thread, repeatable."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before any test imports what would look for a network
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("DO_NOT_TRACK", "true")

import pytest
from hypothesis import settings

from tests.support.redis_server import RedisServer, redis_server

settings.register_profile("busy machine", deadline=None)  # time never fails a test
settings.load_profile("busy machine")

SHARED = Path(__file__).parents[1] / ".." / "shared"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small tensors: more threads only wait for one another."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data beside the project, which a clone alone does not have."""
    if not SHARED.is_dir():
        pytest.skip("needs the data folder ../shared, which is not there")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def empty_redis(running_redis: RedisServer) -> RedisServer:
    from redis import Redis

    with Redis(port=running_redis.port) as redis:
        redis.flushall()
    return running_redis
