"""Numbers of the candidates: counted from raw events or, where these are not at hand any more, as the release has them."""

import json
from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from feature_store.layout import Workspace
from feature_store.schema import REVIEW_SENTIMENT
from pipelines.parity.counting import WINDOWS, Acts, features_of, last_midnight
from pipelines.parity.raw import add_sentiments, moment_of, read_priors, read_reviews
from pipelines.parity.reference import RawItem
from recsys.data.items import ALWAYS
from recsys.data.ranking_items import RankingItems
from recsys.slate.release_reader import Release

LOG_CHANGED = "the log has changed since the release was made"
NO_REPORT = "the release has no evaluation.json, which says since when items are drawn to the mean of all"
OTHER_READER = "reviews have been read by another model since the release was made"


def taken_from_release(workspace: Workspace, release: Release) -> dict[str, str]:
    """Feature of items, without its flag -> why it is not counted; empty where all are."""
    further = release.ranking_items.further
    wanted = (*(f"wanted_{name}" for name in WINDOWS), "wanted_30d_z", "wanted_all_z")
    names = (*wanted, "item_age", "click_rate", "mean_rating", *further)
    if release.description.get("events") != workspace.read("events").manifest.content_digest:
        return dict.fromkeys(names, LOG_CHANGED)
    report = _report(release)
    if report is None:
        return dict.fromkeys(names, NO_REPORT)
    if "mean_sentiment" in further and report["reviews"]["version"] != _reader(workspace):
        return {"mean_sentiment": OTHER_READER}
    return {}


def number_candidates(
    workspace: Workspace, release: Release, items: Mapping[str, RawItem], acts: Mapping[str, Acts], taken: Mapping[str, str]
) -> dict[str, RawItem]:
    """The items among `acts` with `born` and `numbers`.

    Args:
        workspace: With the log of the release.
        release: Whose candidates.
        items: All of `acts`, and perhaps more.
        acts: Of `read_log`.
        taken: Of `taken_from_release`.
    """
    counted = {} if "wanted_all" in taken else _count(workspace, release, acts, taken)
    numbered = {}
    for item_id, found in acts.items():
        item = items[item_id]
        first = _born(release.ranking_items, item.row) if "item_age" in taken else found.first
        told = _numbers(release.ranking_items, item.row)
        numbers = {name: value if name in taken else counted[item_id][name] for name, value in told.items()}
        numbered[item_id] = replace(item, born=first if item.born is None else item.born, numbers=numbers)
    return numbered


def _count(workspace: Workspace, release: Release, acts: Mapping[str, Acts], taken: Container[str]) -> dict[str, dict[str, float | None]]:
    """Item -> what `features_of` says of it; sentiment only where the release asks for it and what was read is at hand."""
    log, moment = workspace.read("events"), moment_of(release)
    report: Any = _report(release)
    midnight, reviews = last_midnight(moment), None
    if "mean_sentiment" in release.ranking_items.further and "mean_sentiment" not in taken:
        reviews = read_reviews(log, workspace.read("review_sentiment").scan(REVIEW_SENTIMENT))
        add_sentiments(acts, reviews, midnight=midnight)
    priors = read_priors(log, reviews, since=datetime.fromisoformat(report["cuts"]["ranker"]))
    return {item_id: features_of(found, priors, midnight=midnight, moment=moment) for item_id, found in acts.items()}


def _reader(workspace: Workspace) -> str | None:
    """Version of the model that has read the reviews; None where what it read is gone."""
    return str(workspace.read("review_sentiment").manifest.facts["version"]) if workspace.exists("review_sentiment") else None


def _report(release: Release) -> dict[str, Any] | None:
    path = release.folder / "evaluation.json"
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def _numbers(items: RankingItems, row: int) -> dict[str, float | None]:
    values = {f"wanted_{name}": items.wanted[row, place] for place, name in enumerate(WINDOWS)}
    values |= {"click_rate": items.click_rate[row], "mean_rating": items.mean_rating[row]}
    values |= {name: column[row] for name, column in items.further.items()}
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}


def _born(items: RankingItems, row: int) -> int | None:
    return None if items.born[row] == ALWAYS else int(items.born[row])
