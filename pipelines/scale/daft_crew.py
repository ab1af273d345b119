"""Tasks dealt out by Daft: each is one row of a frame, and what holds a worker is an actor."""

import math
import os
import pickle
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import daft

from pipelines.scale.workers import EngineError, Workers

KNOCK_S = 10.0
WORKER_STARTS_WITHIN_S = 300
"""Daft would give up on a worker after two minutes; large models from a mount, or a busy machine, take longer."""
THREADS = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")


class Worker:
    """One of the crew; see `Workers.work`."""

    def __init__(self, opened: Callable[..., Callable[[Any], Any]], *arguments: Any) -> None:
        self._at_work = opened(*arguments)

    def _do(self, tasks: daft.Series) -> list[bytes]:
        return [pickle.dumps(self._at_work(pickle.loads(task))) for task in tasks.to_pylist()]

    do = daft.method.batch(return_dtype=daft.DataType.binary(), batch_size=1)(_do)
    """Pickled tasks -> their pickled results, one at a time."""


def crew_at_work(
    workers: Workers, opened: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], tasks: Mapping[int, Any]
) -> Iterator[tuple[int, Any]]:
    """See `Workers.work`."""
    _start_runner(workers)
    daft.set_execution_config(actor_udf_ready_timeout=WORKER_STARTS_WITHIN_S)
    number = min(workers.number, len(tasks))
    frame = daft.from_pydict({"number": list(tasks), "task": [pickle.dumps(task) for task in tasks.values()]})
    if workers.ray_address:
        number = min(number, _room(workers.gpus_each))
        frame = frame.into_partitions(len(tasks))
    pool = daft.cls(Worker, max_concurrency=number, gpus=workers.gpus_each, use_process=True)
    query = frame.select("number", pool(opened, *arguments).do(frame["task"]).alias("result"))
    try:
        with _threads_of_processes(max(1, (os.cpu_count() or 1) // number)):
            for row in query.iter_rows():
                yield row["number"], pickle.loads(row["result"])
    except Exception as error:  # Daft and Ray wrap what a worker raises, each in its own way
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(
            f'[{workers.section}] engine = "daft": {told[-1].rstrip(".")}. Mend it and run the same command again.'
        ) from error


@contextmanager
def _threads_of_processes(threads: int) -> Iterator[None]:
    """Processes that are started meanwhile share the cores; actors of Ray are given theirs by Ray."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_runner(workers: Workers) -> None:
    try:
        _start(workers.ray_address, workers.number)
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"[{workers.section}] ray_address = {workers.ray_address!r}: {error}. Is Ray started there, and reached from here?"
        ) from error


def _start(ray_address: str, workers: int) -> None:
    """Daft allows no other runner after the first."""
    if not ray_address:
        _start_native()
        return
    import ray

    if not ray.is_initialized():
        if ray_address == "local":
            ray.init("local", num_cpus=max(workers, os.cpu_count() or 1), include_dashboard=False, log_to_driver=False)
        else:
            _knock(ray_address)
            ray.init(ray_address, log_to_driver=False)
    daft.set_runner_ray(noop_if_initialized=True)


@cache
def _start_native() -> None:
    """Once per process."""
    daft.set_runner_native()


def _knock(ray_address: str) -> None:
    """Ray itself tries for minutes where nobody answers."""
    host, colon, port = ray_address.rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def _room(gpus_each: float) -> int:
    """How many workers the cluster has room for, at least 1; for more than that Daft would wait in vain."""
    import ray

    there = ray.cluster_resources()
    cards = there.get("GPU", 0.0) / gpus_each if gpus_each else math.inf
    return max(1, int(min(there.get("CPU", 0.0), cards)))
