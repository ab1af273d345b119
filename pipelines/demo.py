"""The whole way on the sample shop: drawn photos in, one night, one answer over HTTP."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS
from pipelines.config import Config
from pipelines.progress import Progress
from pipelines.releases import ReleaseShelf
from pipelines.tuning.tuned import load_night_config

START_SECONDS = 60.0
END_SECONDS = 10.0
NUM_ITEMS = 10


class DemoError(ValueError):
    """The API did not start or did not answer; says what it printed."""


def run_demo(path: Path, *, console: Console) -> int:
    """Draw the shop if it is not drawn, run the night, start the API, ask it once and end it.

    Args:
        path: Config of the sample shop.
        console: Where the answer goes.

    Returns:
        0: the API answered. A release that a gate refused is only a challenger; then 3, unless an older champion answers.

    Raises:
        DemoError: The API did not start or did not answer.
    """
    from pipelines.importers.registry import import_source
    from pipelines.nightly import run_night
    from pipelines.online_store import store_place
    from pipelines.tracking import tracked_night

    progress = Progress(Console(stderr=True))
    config = load_night_config(path, progress=progress)
    workspace = config.open_workspace()
    if not is_drawn(config):
        progress.say("Drawing the sample shop …")
        import_source("sample_shop", None, config, posters=None, seed=1, progress=progress)
    night = tracked_night(config, lambda: run_night(config, progress=progress), progress=progress)
    report = workspace.releases / night.release_id / "report.html"
    if ReleaseShelf(workspace.releases).champion() is None:
        console.print(f"No release is served: {'; '.join(night.refusals)}\nreport: {report}", highlight=False, soft_wrap=True)
        return 3
    user_id = middling_user(workspace)
    images = config.resolve(config.sources.images)
    with running_api(workspace, images=images, pseudonyms=config.privacy.pseudonyms, store=store_place(config)) as url:
        body = {"user_id": user_id, "k": NUM_ITEMS}
        answer = ask(f"{url}/v1/recommendations", body)
        console.print(f"POST {url}/v1/recommendations  {json.dumps(body)}", highlight=False, soft_wrap=True)
    console.print(_table(answer, workspace, user_id))
    console.print(
        f"report  {report}\n"
        f"next    vitrine serve --config {path}                 the same API, until Ctrl-C (or: make serve)\n"
        f"        vitrine recommend --config {path} --user {user_id}   the same answer, with the user's history\n"
        "        README.md, 'Your own shop'",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def is_drawn(config: Config) -> bool:
    """Whether every kind of landing folder holds something."""
    return all(
        any(path.is_file() for folder in folders if config.resolve(folder).is_dir() for path in config.resolve(folder).rglob("*"))
        for folders in (config.sources.events, config.sources.catalogue)
    )


def middling_user(workspace: Workspace) -> str:
    """A user with as many events as half of the users have."""
    counts = workspace.read("events").scan(EVENTS).group_by("user_id").len().sort("len", "user_id").collect()
    return str(counts["user_id"][counts.height // 2])


@contextmanager
def running_api(workspace: Workspace, *, images: Path, pseudonyms: bool = False, store: str = "") -> Iterator[str]:
    """The API as a process of its own on a free port, ready when the block starts and ended, by its id, when it ends.

    Raises:
        DemoError: It ended by itself, or is not ready within a minute.
    """
    url = f"http://127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "serving", "--releases", str(workspace.releases), "--store", store or str(workspace.online_store)]
    command += ["--images", str(images), "--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
    command += ["--pseudonyms"] if pseudonyms else []
    log = workspace.root / "demo-api.log"
    with log.open("w", encoding="utf-8") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        try:
            _wait(f"{url}/readyz", server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST a JSON body.

    Raises:
        DemoError: The answer is an error; its body is quoted.
    """
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise DemoError(f"{url} answered {error.code}: {error.read().decode(errors='replace')[:500]}") from error
    return answer


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    why = f"ended with code {server.returncode}" if server.poll() is not None else f"was not ready within {START_SECONDS:.0f} s"
    raise DemoError(f"the API {why}. It printed, in {log}: {log.read_text(encoding='utf-8')[-500:].strip() or 'nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _table(answer: dict[str, Any], workspace: Workspace, user_id: str) -> Table:
    catalogue = workspace.read("catalogue").scan(CATALOGUE).select("item_id", "title").filter(pl.col("title").is_not_null()).collect()
    titles = dict(catalogue.rows())
    table = Table("rank", "item_id", "title", "score", title=f"for user {user_id}, from release {answer['release_id']}")
    for rank, item in enumerate(answer["items"], start=1):
        table.add_row(str(rank), item["item_id"], escape(titles.get(item["item_id"], "")), f"{item['score']:.4f}")
    return table
