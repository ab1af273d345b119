"""Sampled answers of a tiny shop made again: the same where nothing is wrong, and what is wrong is named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from feature_store.layout import Workspace
from feature_store.online.protocol import PostedEvent, UserState
from feature_store.schema import EVENTS, REVIEW_SENTIMENT, USERS
from feature_store.served_samples import ServedSample
from pipelines.cli import app
from pipelines.config import parse_config
from pipelines.parity.difference import beyond
from pipelines.parity.numbers import LOG_CHANGED, NO_REPORT, OTHER_READER
from pipelines.parity.recompute import past_of
from pipelines.parity.reference import RawEvent
from pipelines.parity.run import LATE, OTHER_SNAPSHOT, Parity, ParityError, newest_samples, run_parity
from pipelines.privacy.erase import erase_user
from pipelines.progress import Progress
from recsys.slate.histories import user_history
from recsys.slate.release_reader import read_release
from tests.support.reviews import write_log
from tests.support.sampled_shop import (
    COLLECTOR,
    READER,
    ask,
    claim,
    load_night,
    rewrite,
    sampling_api,
    skewed,
    write_sentiments,
    write_shop,
)
from tests.support.tiny_release import COLOURS

DAY = (
    {"item_id": "i7", "event_type": "purchase"},
    {"item_id": "i19", "event_type": "rating", "value": 1},
    {"item_id": "i4", "event_type": "tag"},
)

TOLD = {"category_affinity", "category_recent", "price_gap", "image_nearest", "image_disliked", "image_missing", "history_age", "item_age"}
TOLD |= {"wanted_1d", "wanted_7d", "wanted_30d", "wanted_365d", "wanted_all", "wanted_decayed", "review_count"}
TOLD |= {part for name in ("click_rate", "conversion_rate", "mean_rating", "mean_sentiment") for part in (name, f"no_{name}")}
"""Features that some samples must tell something of."""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three answers: to what the log knows alone, to that and the events of the day, and to a user of the day alone."""
    workspace = write_shop(tmp_path_factory.mktemp("shop"))
    with sampling_api(workspace) as api:
        ask(api)
        for event in DAY:
            api.post("/v1/events", json={**event, "user_id": READER})
        ask(api)
        api.post("/v1/events", json={"item_id": "i9", "event_type": "click", "user_id": "new@example.com"})
        ask(api, "new@example.com")
    return workspace.root


@pytest.fixture
def shop(answered: Path, tmp_path: Path) -> Workspace:
    """A copy to do with as one likes."""
    return Workspace(shutil.copytree(answered, tmp_path / "shop"))


def compared(shop: Workspace, *, requests: int = 100) -> Parity:
    return run_parity(parse_config({"workspace": str(shop.root)}), requests=requests)


def test_what_is_served_is_what_raw_rows_say(shop: Workspace) -> None:
    found = compared(shop)
    assert found.passed
    assert (found.requests, found.left_out, found.overlap, found.lowest_overlap) == (3, {}, 1.0, 1.0)
    assert max(feature.absolute for feature in found.features) < 1e-5
    assert [feature.name for feature in found.features if feature.taken] == []


def test_the_samples_are_of_histories_that_say_something(shop: Workspace) -> None:
    columns = {name: np.concatenate([s.features[:, s.feature_names.index(name)] for s in newest_samples(shop)]) for name in TOLD}
    assert {name for name, values in columns.items() if values.any()} == TOLD


@pytest.mark.parametrize("feature", ["price_gap", "wanted_7d", "image_disliked", "category_affinity", "history_age", "no_mean_rating"])
def test_a_planted_skew_is_named_with_its_size(shop: Workspace, feature: str) -> None:
    newest = next(newest_samples(shop)).request_id
    rewrite(shop, lambda sample: skewed(sample, feature, by=0.5) if sample.request_id == newest else sample)
    found = compared(shop)
    apart = {entry.name: entry for entry in found.features if entry.requests}
    assert list(apart) == [feature]
    assert apart[feature].absolute == pytest.approx(0.5, abs=1e-5)
    assert (apart[feature].requests, found.differing) == (1, [newest])


def test_what_is_no_number_is_a_difference(shop: Workspace) -> None:
    rewrite(shop, lambda sample: skewed(sample, "price", by=float("nan")))
    assert [feature.name for feature in compared(shop).features if feature.requests] == ["price"]


def test_what_cannot_be_made_again_as_a_number_is_a_difference_too() -> None:
    assert beyond(np.array([[1, 1]], np.float32), np.array([[1, np.nan]]), 1e-4).tolist() == [[False, True]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An answer to a user of whom the shop says a colour, by a release that reads it."""
    workspace = write_shop(tmp_path_factory.mktemp("told"), colour=COLOURS[2])
    with sampling_api(workspace) as api:
        ask(api)
    return workspace.root


def test_what_the_shop_says_of_a_user_is_read_anew_too(told: Path, tmp_path: Path) -> None:
    shop = Workspace(shutil.copytree(told, tmp_path / "shop"))
    assert compared(shop).passed
    table = shop.read("users").manifest
    with shop.write("users") as writer:
        writer.write(USERS.empty(), USERS)
        writer.commit(facts=table.facts)
    with pytest.raises(ParityError, match="what is said of users has changed since the snapshot"):
        compared(shop)
    claim(shop, users=shop.read("users").manifest.content_digest)
    found = compared(shop)
    assert [feature.name for feature in found.features if feature.requests] == ["retrieval_score"]


def test_a_skew_that_the_ranker_reads_costs_overlap(shop: Workspace) -> None:
    def turned(sample: ServedSample) -> ServedSample:
        features = sample.features.copy()
        features[:, sample.feature_names.index("image_recent")] *= -100
        return replace(sample, features=features)

    rewrite(shop, turned)
    found = compared(shop)
    assert found.lowest_overlap <= found.overlap < 1


def test_a_score_of_retrieval_that_the_history_does_not_give_is_named(shop: Workspace) -> None:
    newest = next(newest_samples(shop)).request_id
    rewrite(shop, lambda sample: replace(sample, retrieval_scores=sample.retrieval_scores + 0.01 * (sample.request_id == newest)))
    found = compared(shop)
    assert [(feature.name, feature.requests) for feature in found.features if feature.requests] == [("retrieval_score", 1)]
    assert found.differing == [newest]


def test_a_log_that_has_changed_since_the_release_leaves_its_items_to_the_release(shop: Workspace) -> None:
    events = shop.read("events").scan(EVENTS).collect().to_dicts()
    click = {"event_id": "late", "event_type": "click", "item_id": next(newest_samples(shop)).item_ids[0]}
    write_log(shop.root, [*events, events[0] | click])
    claim(shop, events=shop.read("events").manifest.content_digest)
    found = compared(shop)
    assert found.passed
    taken = {feature.name for feature in found.features if feature.taken == LOG_CHANGED}
    assert taken >= {"wanted_all", "wanted_30d_z", "item_age", "no_item_age", "click_rate", "no_mean_rating", "wanted_decayed"}
    rewrite(shop, lambda sample: skewed(sample, "wanted_all", by=0.5))  # not what the release has of the item
    assert [feature.name for feature in compared(shop).features if feature.requests] == ["wanted_all"]
    assert f"{LOG_CHANGED}, so these are held against the release" in " ".join(printed(shop)[1].split())


def test_a_release_without_its_report_says_itself_what_its_items_are(shop: Workspace) -> None:
    (shop.releases / "20260101-00000000" / "evaluation.json").unlink()
    found = compared(shop)
    assert found.passed
    assert {feature.taken for feature in found.features} == {"", NO_REPORT}


def test_what_another_model_reads_out_of_reviews_is_no_measure_of_their_sentiment(shop: Workspace) -> None:
    write_sentiments(shop, {}, version="v2")
    found = compared(shop)
    assert found.passed
    assert [feature.name for feature in found.features if feature.taken == OTHER_READER] == ["mean_sentiment", "no_mean_sentiment"]


def test_a_review_that_was_lost_when_sentiments_were_counted_is_found_out(shop: Workspace) -> None:
    read = shop.read("review_sentiment").scan(REVIEW_SENTIMENT).select("event_id", "sentiment").collect()
    write_sentiments(shop, dict(read.filter(pl.col("sentiment") < 0.5).rows()))
    assert "mean_sentiment" in {feature.name for feature in compared(shop).features if feature.requests}


def test_a_snapshot_that_forgets_an_event_is_found_out(shop: Workspace) -> None:
    events = shop.read("events").scan(EVENTS).collect()
    write_log(shop.root, events.filter(pl.col("item_id") != "i5").to_dicts())  # the log never knew, and yet it was served
    claim(shop, events=shop.read("events").manifest.content_digest)
    apart = {feature.name for feature in compared(shop).features if feature.requests}
    assert {"history_length", "image_disliked", "retrieval_score"} <= apart


def test_who_comes_back_to_an_item_that_fell_out_of_the_history_is_served_as_learned(shop: Workspace) -> None:
    with sampling_api(shop) as api:
        api.post("/v1/events", json={"item_id": "i3", "event_type": "click", "user_id": COLLECTOR})  # bought: the click says less
        api.post("/v1/events", json={"item_id": "i4", "event_type": "rating", "value": 1, "user_id": COLLECTOR})
        ask(api, COLLECTOR)
    found = compared(shop)
    assert (found.requests, found.passed) == (4, True)


def test_what_is_no_behaviour_is_neither_served_nor_made_again(shop: Workspace) -> None:
    release = read_release(shop.releases / "20260101-00000000")
    release.serving["relevance"]["ignored"] = ["review"]
    posted = [PostedEvent("1", READER, "i3", "review", 1, 5.0), PostedEvent("2", READER, "i4", "click", 2)]
    served = user_history(UserState(posted=posted), release).past
    again = past_of(
        [RawEvent(event.item_id, event.event_type, event.value, event.event_time, event.event_time) for event in posted], release
    )
    assert release.items.vocabulary.ids(served.item_index) == [event.item_id for event, _ in again] == ["i4"]


def test_answers_to_what_has_changed_since_are_left_out_and_counted(shop: Workspace) -> None:
    with sampling_api(shop) as api:
        late = {"item_id": "i11", "event_type": "click", "user_id": "new@example.com", "event_time": "2026-01-02T00:00:00Z"}
        api.post("/v1/events", json=late)
    found = compared(shop)
    assert (found.requests, found.left_out, found.passed) == (2, {LATE: 1}, True)


def test_another_snapshot_leaves_nothing_to_compare(shop: Workspace) -> None:
    events = shop.read("events").scan(EVENTS).collect()
    write_log(shop.root, events.filter(pl.col("item_id") != "i19").to_dicts())
    load_night(shop)
    with pytest.raises(ParityError, match=f"can be compared; 3 {OTHER_SNAPSHOT}. Run `vitrine serve --sample-requests"):
        compared(shop)


def test_a_log_that_has_changed_since_the_snapshot_is_no_measure(shop: Workspace) -> None:
    write_log(shop.root, shop.read("events").scan(EVENTS).collect()[1:].to_dicts())
    with pytest.raises(ParityError, match="the log has changed since the snapshot"):
        compared(shop)


def test_a_snapshot_made_with_another_relevance_than_the_release_is_no_measure(shop: Workspace) -> None:
    load_night(shop, relevance={"ignored": ["rating"]})
    with sampling_api(shop) as api:
        ask(api)
    with pytest.raises(ParityError, match=r"made with another \[relevance\] than release 20260101-00000000"):
        compared(shop)


def test_a_snapshot_that_does_not_say_with_which_relevance_it_was_made_is_no_measure(shop: Workspace) -> None:
    claim(shop, relevance=None)
    with pytest.raises(ParityError, match=r"is of an older version and does not say of which \[relevance\] it is"):
        compared(shop)


def test_no_more_requests_than_were_asked_for_are_made_again(shop: Workspace) -> None:
    assert compared(shop, requests=2).requests == 2


def test_an_erasure_finds_the_samples_of_the_user_and_of_nobody_else(shop: Workspace) -> None:
    receipt = erase_user(parse_config({"workspace": str(shop.root)}), READER, progress=Progress(Console(quiet=True)))
    assert receipt.clean
    assert {entry.artefact: entry.done for entry in receipt.checked}["sampled answers"] == "2 answers removed"
    assert [sample.user_id for sample in newest_samples(shop)] == ["new@example.com"]
    assert not any(READER.encode() in path.read_bytes() for path in shop.root.rglob("*") if path.is_file())


def printed(shop: Workspace, *arguments: str) -> tuple[int, str]:
    (shop.root / "config.toml").write_text(f"workspace = {json.dumps(str(shop.root))}\n", encoding="utf-8")
    asked = ["parity", "--config", str(shop.root / "config.toml"), *arguments]
    result = CliRunner().invoke(app, asked, env={"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"})
    return result.exit_code, result.output


def test_the_command_says_that_parity_holds(shop: Workspace) -> None:
    code, text = printed(shop)
    assert code == 0
    assert "3 sampled answers made again" in text
    assert "parity holds" in text


def test_the_command_names_the_feature_and_the_request_and_ends_with_1(shop: Workspace) -> None:
    rewrite(shop, lambda sample: skewed(sample, "price", by=1.0))
    code, text = printed(shop)
    assert code == 1
    assert "parity is broken in 3 of 3 requests, most of all price: up to 1.00e+00 apart" in text
    assert next(newest_samples(shop)).request_id in text


def test_json_holds_all_of_it(shop: Workspace) -> None:
    told: dict[str, Any] = json.loads(printed(shop, "--json")[1])
    assert (told["passed"], told["requests"], len(told["features"])) == (True, 3, 38)
