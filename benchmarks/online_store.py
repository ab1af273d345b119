"""How long the online store takes to tell of a user, of 100 users and to take an event in, and how fast a snapshot is loaded.

    python benchmarks/online_store.py [--users 100000]

For SQLite and for Redis, which is started on a free loopback port and writes no file: made-up users with 50 events and 60 seen items each,
5 posted events for those that are asked for. Beside each call, in turn with it, stands the bare call of the client underneath: SELECT, or
GET, of a text as long as what the snapshot says of the user. Everything lies in a temporary folder and is removed.
"""

import argparse
import contextlib
import json
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from redis import Redis
from rich.console import Console
from rich.table import Table

from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore, PostedEvent

ASKED = 1_000
"""Users that are asked for, at random."""
CALLS, CALLS_OF_MANY = 5_000, 500
MANY = 100
EVENTS, SEEN, POSTED = 50, 60, 5
Row = tuple[str, str, str]


def main() -> None:
    """Read the arguments, measure, print a table for each store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100_000)
    rows = made_up_users(parser.parse_args().users)
    print(f"{len(rows):,} users, {len(rows[0][1]) + len(rows[0][2]):,} characters each")
    with tempfile.TemporaryDirectory() as folder:
        with sqlite3.connect(Path(folder) / "bare.sqlite") as bare, contextlib.closing(open_store(Path(folder) / "store.sqlite")) as store:
            measure("SQLite", store, rows, *bare_sqlite(bare, rows))
        with redis_on(Path(folder)) as port, contextlib.closing(open_store(f"redis://127.0.0.1:{port}/0")) as store:
            measure("Redis", store, rows, *bare_redis(Redis(port=port, db=1, decode_responses=True), rows))


def made_up_users(number: int) -> list[Row]:
    """Rows as `OnlineStore.load_snapshot` takes them."""
    random, now = np.random.default_rng(0), time.time_ns() // 1000
    users = []
    for user in range(number):
        items = [f"item-{item:06}" for item in random.integers(0, 100_000, SEEN)]
        history = [items[:EVENTS], [3] * EVENTS, [now - 1_000_000 * event for event in range(EVENTS, 0, -1)]]
        users.append((f"user-{user:08}", json.dumps(history), json.dumps(items)))
    return users


Get = Callable[[str], object]
GetMany = Callable[[Sequence[str]], object]


def bare_sqlite(client: sqlite3.Connection, rows: Sequence[Row]) -> tuple[float, Get, GetMany]:
    """Seconds to load the texts in one transaction, and the calls."""
    client.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    client.execute("CREATE TABLE texts (user_id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID")
    start = time.perf_counter()
    client.executemany("INSERT INTO texts VALUES (?, ?)", ((user, history + seen) for user, history, seen in rows))
    client.commit()
    marks = ", ".join("?" * MANY)
    return (
        time.perf_counter() - start,
        lambda user: client.execute("SELECT text FROM texts WHERE user_id = ?", (user,)).fetchone(),
        lambda users: client.execute(f"SELECT text FROM texts WHERE user_id IN ({marks})", users).fetchall(),
    )


def bare_redis(client: Redis, rows: Sequence[Row]) -> tuple[float, Get, GetMany]:
    """The same, by pipelines of 500 SETs."""
    start = time.perf_counter()
    for first in range(0, len(rows), 500):
        with client.pipeline(transaction=False) as pipeline:
            for user, history, seen in rows[first : first + 500]:
                pipeline.set(user, history + seen)
            pipeline.execute()
    return time.perf_counter() - start, client.get, client.mget


def measure(name: str, store: OnlineStore, rows: Sequence[Row], bare_load: float, bare_get: Get, bare_get_many: GetMany) -> None:
    """Print one table."""
    random = np.random.default_rng(1)
    asked = [rows[place][0] for place in random.choice(len(rows), ASKED)]
    start = time.perf_counter()
    store.load_snapshot("benchmark", rows)
    load = time.perf_counter() - start
    posted = [event(user, number) for user in set(asked) for number in range(POSTED)]
    for first in range(0, len(posted), 500):
        store.append(posted[first : first + 500])
    table = Table(title=f"{name}: {len(rows) / load:,.0f} users/s loaded; bare {len(rows) / bare_load:,.0f}, ratio {load / bare_load:.2f}")
    for heading in ("call", "p50 ms", "p99 ms", "processor ms", "bare p50", "p99", "processor", "ratio of medians", "of processor"):
        table.add_column(heading, justify="left" if heading == "call" else "right")
    several = [[str(user) for user in random.choice(asked, MANY, replace=False)] for _ in range(CALLS_OF_MANY)]
    one = [asked[call % ASKED] for call in range(CALLS)]
    add(table, "user", *in_turn((store.user, one), (bare_get, one)))
    add(table, f"users, {MANY}", *in_turn((store.users, several), (bare_get_many, several)))
    (times,) = in_turn((lambda user: store.append([event(user, time.time_ns())]), one[:ASKED]))
    add(table, "append, one", times)
    Console(width=120).print(table)


def event(user: str, number: int) -> PostedEvent:
    """One that nobody has posted."""
    return PostedEvent(f"{user} {number}", user, f"item-{number % 100_000:06}", "click", time.time_ns() // 1000)


Times = list[tuple[float, float]]
"""Of each call: milliseconds, and milliseconds of processor time of this process."""


def in_turn(*works: tuple[Callable[..., object], Sequence[object]]) -> list[Times]:
    """The times of each call of each, one after the other, so that all see the same machine."""
    for call, values in works:
        for value in values[:20]:  # the first calls fill caches
            call(value)
    times: list[Times] = [[] for _ in works]
    for place in range(len(works[0][1])):
        for spent, (call, values) in zip(times, works, strict=True):
            before, processor = time.perf_counter(), time.process_time()
            call(values[place])
            spent.append(((time.perf_counter() - before) * 1000, (time.process_time() - processor) * 1000))
    return times


def add(table: Table, name: str, *works: Times) -> None:
    """One line: of a call and, where there is one, of the bare call."""
    walls, processors = zip(*(np.array(times).T for times in works), strict=True)
    numbers = [value for wall, spent in zip(walls, processors, strict=True) for value in (*np.percentile(wall, [50, 99]), spent.mean())]
    ratios = [np.median(walls[0]) / np.median(walls[1]), processors[0].mean() / processors[1].mean()] if len(works) > 1 else []
    table.add_row(name, *(f"{value:.3f}" for value in numbers), *(f"{ratio:.2f}" for ratio in ratios))


@contextlib.contextmanager
def redis_on(folder: Path) -> Iterator[int]:
    """A Redis of its own; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--logfile", "redis.log"]
    with subprocess.Popen(command) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield port
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
