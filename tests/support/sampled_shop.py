"""A shop with a tiny release whose API samples every answer: a log, a snapshot, and a client to ask with."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from fastapi.testclient import TestClient

from feature_store.layout import Workspace
from feature_store.online.sqlite import SqliteStore
from feature_store.schema import CATALOGUE
from feature_store.served_samples import ServedSample, sample_files
from feature_store.snapshot import load_snapshot
from pipelines.parity.run import newest_samples
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.ingest_users import STAGE as INGEST_USERS
from serving.app import create_app
from serving.settings import Settings
from tests.support.reviews import write_log
from tests.support.stages import run_stage
from tests.support.tiny_release import DATE, build_release

READER = "reader@example.com"
"""Of whom the log knows what happened on the eve of the release, too late to count for items."""
COLLECTOR = "collector@example.com"
"""Who bought 55 items on that eve, one a minute: more than any history holds."""
EVE = datetime(2025, 12, 31, 12, tzinfo=UTC)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""When every item of the release was met first, as its arrays say."""


def write_shop(root: Path) -> Workspace:
    """A release with the log it could come from."""
    workspace = Workspace(root)
    release = build_release(workspace.releases, items=60)
    catalogue = pl.read_parquet(release / "catalogue.parquet")
    with workspace.write("catalogue") as writer:
        writer.write(catalogue, CATALOGUE)
        writer.commit()
    rows = [_event(item_id, "dwell", FIRST, user_id="first") for item_id in catalogue["item_id"]]
    rows += [_event("i4", "click", EVE), _event("i5", "rating", EVE, value=2.0), _event("i4", "dwell", EVE), _event("i19", "cart", EVE)]
    rows += [_event(f"i{item}", "purchase", EVE + timedelta(minutes=item), user_id=COLLECTOR) for item in range(55)]
    write_log(root, [row | {"event_id": str(number)} for number, row in enumerate(rows)])
    told = json.loads((release / "release.json").read_text(encoding="utf-8"))
    told["events"] = workspace.read("events").manifest.content_digest
    (release / "release.json").write_text(json.dumps(told), encoding="utf-8")
    load_night(workspace)
    return workspace


def rewrite(shop: Workspace, change: Callable[[ServedSample], ServedSample]) -> None:
    """Samples as if the API had written others."""
    (file,) = sample_files(shop.served)
    changed = [change(sample).to_line() for sample in newest_samples(shop)][::-1]
    file.write_bytes(b"\n".join(changed) + b"\n")


def skewed(sample: ServedSample, feature: str, *, by: float) -> ServedSample:
    """The sample with this feature of its first candidate changed."""
    features = sample.features.copy()
    features[0, sample.feature_names.index(feature)] += by
    return replace(sample, features=features)


def load_night(workspace: Workspace, **sections: Any) -> None:
    """What a night does for the online store; `sections` of its config as in TOML."""
    run_stage(INGEST_USERS, workspace.root, **sections)
    run_stage(BUILD_SNAPSHOT, workspace.root, date=DATE, **sections)
    with contextlib.closing(SqliteStore(workspace.online_store)) as store:
        load_snapshot(store, workspace.read("snapshot"))


def claim(workspace: Workspace, **facts: Any) -> None:
    """Let the snapshot say something else of itself; None: no longer say it."""
    manifest = workspace.read("snapshot").manifest
    told = {name: fact for name, fact in {**manifest.facts, **facts}.items() if fact is not None}
    replace(manifest, facts=told).write(workspace.table("snapshot"))


@contextlib.contextmanager
def sampling_api(workspace: Workspace, *, share: float = 1.0, **more: Any) -> Iterator[TestClient]:
    """The API in this process."""
    places = {"releases": workspace.releases, "store": workspace.online_store, "served": workspace.served}
    settings = Settings(**places, sample_requests=share, watch_seconds=0, **more)
    with TestClient(create_app(settings)) as client:
        yield client


def ask(api: TestClient, user_id: str = READER, **more: Any) -> dict[str, Any]:
    """One answer."""
    answer = api.post("/v1/recommendations", json={"user_id": user_id, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _event(item_id: str, event_type: str, when: datetime, *, user_id: str = READER, value: float | None = None) -> dict[str, Any]:
    return {"user_id": user_id, "item_id": item_id, "event_type": event_type, "event_time": when, "known_at": when, "value": value}
