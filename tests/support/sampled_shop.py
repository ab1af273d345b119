"""A shop with a tiny release whose API samples every answer: a log, a snapshot, and a client to ask with."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from fastapi.testclient import TestClient

from feature_store.features.item_rates import with_rates
from feature_store.layout import Workspace
from feature_store.manifest import describe_files
from feature_store.online.sqlite import SqliteStore
from feature_store.schema import CATALOGUE, EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT
from feature_store.served_samples import ServedSample, sample_files
from feature_store.snapshot import load_snapshot
from pipelines.parity.run import newest_samples
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.compute_item_features import STAGE as COMPUTE_ITEM_FEATURES
from pipelines.stages.ingest_users import STAGE as INGEST_USERS
from recsys.data.further import FURTHER
from recsys.data.items import build_items
from recsys.data.ranking_items import build_ranking_items
from serving.app import create_app
from serving.settings import Settings
from tests.support.reviews import write_log
from tests.support.stages import run_stage
from tests.support.tiny_release import COLOURS, DATE, build_catalogue, build_release

READER = "reader@example.com"
"""Of whom the log knows what happened on the eve of the release, too late to count for items."""
COLLECTOR = "collector@example.com"
"""Who bought 55 items on that eve, one a minute: more than any history holds."""
EVE = datetime(2025, 12, 31, 12, tzinfo=UTC)
CUT = datetime(2025, 12, 5, 12, 30, tzinfo=UTC)
"""When the ranker's window begins."""
READ_BY = "v1"
"""Version of the model that has read the reviews."""
ITEMS = 60
MET = 50
"""Items that others have met; nobody has met those behind them before the eve."""


def write_shop(root: Path, *, colour: str = "") -> Workspace:
    """A release with the log that it comes from; one that knows of colours where the shop says one of the reader."""
    workspace = Workspace(root)
    catalogue = build_catalogue(ITEMS)
    with workspace.write("catalogue") as writer:
        writer.write(catalogue, CATALOGUE)
        writer.commit()
    rows = [*_others(), _event("i4", "click", EVE), _event("i5", "rating", EVE, value=2.0), _event("i4", "dwell", EVE)]
    rows += [_event("i19", "cart", EVE)]
    rows += [_event(f"i{item}", "purchase", EVE + timedelta(minutes=item), user_id=COLLECTOR) for item in range(55)]
    rows = [row | {"event_id": str(number)} for number, row in enumerate(rows)]
    write_log(root, rows)
    write_sentiments(workspace, {row["event_id"]: ((place * 7) % 20 - 10) / 10 for place, row in enumerate(rows) if row.get("text")})
    cuts = {"ranker": CUT, "validation": CUT + timedelta(days=9), "test": CUT + timedelta(days=19)}
    features = run_stage(COMPUTE_ITEM_FEATURES, root, date=DATE, cuts=cuts).scan(ITEM_FEATURES).collect()
    known = build_ranking_items(build_items(catalogue, {}), with_rates(features, since=CUT), moment=DATE, further=FURTHER)
    release = build_release(workspace.releases, items=ITEMS, known=known, knows_colours=bool(colour), likens_colours=True)
    report = {"cuts": {"ranker": CUT.isoformat()}, "reviews": {"version": READ_BY}}
    (release / "evaluation.json").write_text(json.dumps(report), encoding="utf-8")
    told = json.loads((release / "release.json").read_text(encoding="utf-8"))
    told["events"] = workspace.read("events").manifest.content_digest
    (release / "release.json").write_text(json.dumps(told), encoding="utf-8")
    if colour:
        (root / "landing/users").mkdir(parents=True)
        said = f"user_id,known_at,attribute.colour\n{READER},2025-12-01T00:00:00Z,{COLOURS[0]}\n{READER},2025-12-02T00:00:00Z,{colour}\n"
        (root / "landing/users/said.csv").write_text(said, encoding="utf-8")
    load_night(workspace, **({"users": {"attributes": ["colour"]}} if colour else {}))
    return workspace


def miscount(workspace: Workspace, **columns: pl.Expr) -> None:
    """Let the night have counted otherwise: change columns of the release's ranking_items.parquet."""
    (folder,) = workspace.releases.glob("2026*")
    path = folder / "ranking_items.parquet"
    pl.read_parquet(path).with_columns(**columns).write_parquet(path)
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    told["files"][path.name] = describe_files(folder)[path.name]
    (folder / "release.json").write_text(json.dumps(told), encoding="utf-8")


def write_sentiments(workspace: Workspace, sentiments: Mapping[str, float], *, version: str = READ_BY) -> None:
    """Let these be what a model has read out of the reviews with these event_ids."""
    read = pl.DataFrame(list(sentiments.items()), schema={"event_id": pl.String, "sentiment": pl.Float64}, orient="row")
    read = read.with_columns(likely_stars=pl.lit(3))
    rows = workspace.read("events").scan(EVENTS).select("event_id", "item_id", "event_time", "known_at").collect().join(read, on="event_id")
    with workspace.write("review_sentiment") as writer:
        writer.write(rows.cast(REVIEW_SENTIMENT.schema), REVIEW_SENTIMENT)
        writer.commit(facts={"version": version})


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


def _others() -> list[dict[str, Any]]:
    """What others did in the year before: some was known late, some on the day before the release, some items nobody met."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(1500):
        item = int(MET * random.random() ** 2)
        kind = str(random.choice(["impression", "click", "cart", "purchase", "rating", "review"], p=[0.55, 0.2, 0.05, 0.08, 0.06, 0.06]))
        when = DATE - timedelta(days=400 * random.random() ** 3)
        stars = float(random.integers(1, 6)) if kind in ("rating", "review") and random.random() < 0.9 else None
        row = _event(f"i{item}", kind, when, user_id=f"other-{number}", value=stars)
        row["known_at"] = when + timedelta(days=float(random.choice([0, 0.2, 3])))
        rows.append(row | ({"text": "so be it"} if kind == "review" and random.random() < 0.8 else {}))
    return rows


def _event(item_id: str, event_type: str, when: datetime, *, user_id: str = READER, value: float | None = None) -> dict[str, Any]:
    return {"user_id": user_id, "item_id": item_id, "event_type": event_type, "event_time": when, "known_at": when, "value": value}
