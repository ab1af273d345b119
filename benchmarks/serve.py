"""How long an answer takes over HTTP, and how long the same work takes without it.

    python benchmarks/serve.py [--releases DIR --store FILE_OR_URL]

Starts `python -m serving` on a free loopback port and asks POST /v1/recommendations for known users, one after another and by four clients
at once; then the same users in this process without HTTP: read the user, mask, user tower, index, ranker. At most 5 seconds each.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from feature_store.online.address import PASSWORD_VARIABLE
from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore
from recsys.slate.filters import Wishes, build_shelf
from recsys.slate.histories import user_history
from recsys.slate.rank import rank_scores
from recsys.slate.release_reader import read_release
from recsys.slate.retrieve import retrieve, user_vectors

SECONDS = 5.0
USERS = 200
CLIENTS = 4
START_SECONDS = 30.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=Path, default=Path("workspace/releases"))
    parser.add_argument("--store", default="workspace/online/store.sqlite")
    folders = parser.parse_args()
    store = open_store(folders.store, password=os.environ.get(PASSWORD_VARIABLE, ""))
    users = store.some_users(USERS)
    if not users:
        raise SystemExit(f"{folders.store} holds no users. Run `vitrine nightly` first.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    told = ["--releases", str(folders.releases), "--store", str(folders.store), "--port", str(port)]
    with subprocess.Popen([sys.executable, "-m", "serving", *told]) as server:
        try:
            release_id = _ready(url, server)
            one = _by_clients(url, users, clients=1)
            many = _by_clients(url, users, clients=CLIENTS)
        finally:
            server.terminate()
    bare = _timed(_bare(folders.releases / release_id, store), users)
    store.close()
    print(f"release {release_id}, {len(users)} users")
    for name, (times, wall) in {"HTTP, 1 client": one, f"HTTP, {CLIENTS} clients": many, "without HTTP": bare}.items():
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        print(f"{name:16} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {len(times) / wall:7.1f} requests/s  ({len(times)} requests)")
    print(f"ratio of medians, HTTP by 1 client to without HTTP: {np.median(one[0]) / np.median(bare[0]):.2f}")


def _ready(url: str, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            answer = httpx.get(f"{url}/readyz")
            if answer.status_code == 200:
                return str(answer.json()["release_id"])
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.1)
    raise SystemExit(f"the server was not ready within {START_SECONDS} s; see its messages above")


def _by_clients(url: str, users: list[str], *, clients: int) -> tuple[list[float], float]:
    def ask_all(share: list[str]) -> tuple[list[float], float]:
        with httpx.Client(base_url=url) as client:
            return _timed(lambda user: client.post("/v1/recommendations", json={"user_id": user}).raise_for_status(), share)

    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(ask_all, [users[place::clients] for place in range(clients)]))
    return [spent for times, _ in done for spent in times], max(wall for _, wall in done)


def _bare(folder: Path, store: OnlineStore) -> Callable[[str], object]:
    release = read_release(folder)
    shelf = build_shelf(release.items, store.item_changes())
    depth, ranker = int(release.serving["candidates"]), int(release.ranking["history_length"])

    def answer(user: str) -> object:
        history, now = user_history(store.user(user), release), time.time_ns() // 1000
        visible = shelf.visible(now=now, wishes=Wishes(), seen=history.seen)
        found = retrieve(release, user_vectors(release, history.for_tower(release.excerpt))[0], visible, k=depth)
        return rank_scores(release, history.for_ranker(now=now, length=ranker), found.item_index, found.scores, now=now)

    return answer


def _timed(answer: Callable[[str], object], users: list[str]) -> tuple[list[float], float]:
    for user in users[:10]:  # the first answers fill caches
        answer(user)
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        before = time.perf_counter()
        answer(users[len(times) % len(users)])
        times.append(time.perf_counter() - before)
    return times, time.perf_counter() - start


if __name__ == "__main__":
    main()
