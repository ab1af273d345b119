"""What every test runs under: offline, one thread, repeatable."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before any test imports what would look for a network
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("DO_NOT_TRACK", "true")

import pytest
from hypothesis import settings

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
