"""What the API keeps of its answers, and what that may never cost."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from feature_store.layout import Workspace
from feature_store.online.sqlite import SqliteStore
from feature_store.served_samples import ServedSample
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserNames
from pipelines.parity.run import newest_samples
from serving.sampling import Sampler
from tests.support.sampled_shop import READER, ask, sampling_api, write_shop

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return write_shop(tmp_path)


def samples(shop: Workspace) -> list[ServedSample]:
    return list(newest_samples(shop))


def test_an_answer_is_kept_with_its_versions_and_all_that_the_ranker_read(shop: Workspace) -> None:
    with sampling_api(shop) as api:
        api.post("/v1/events", json={"event_id": "e", "user_id": READER, "item_id": "i3", "event_type": "click"})
        told = ask(api)
    (sample,) = samples(shop)
    assert (sample.request_id, sample.user_id, sample.release_id) == (told["request_id"], READER, told["release_id"])
    assert (sample.snapshot, sample.posted) == (shop.read("snapshot").manifest.content_digest, ("e",))
    assert sample.slate == tuple(item["item_id"] for item in told["items"])
    assert sample.features.shape == (len(sample.item_ids), len(sample.feature_names)) == (30, 37)
    history_length = sample.features[:, sample.feature_names.index("history_length")]
    np.testing.assert_allclose(history_length, np.log1p(4), rtol=1e-6)  # i4, i5, i19 of the log, i3 of the day


def test_the_share_decides_and_the_same_id_is_always_decided_alike(shop: Workspace) -> None:
    store = SqliteStore(shop.online_store)
    some = Sampler(shop.served, store, share=0.25)
    ids = [str(number) for number in range(400)]
    wanted = [request_id for request_id in ids if some.begin(request_id, READER)]
    assert 60 < len(wanted) < 140
    assert wanted == [request_id for request_id in ids if some.begin(request_id, READER)]
    store.close()


@pytest.mark.parametrize(
    ("asked", "share"),
    [({}, 0.0), ({"user_id": "stranger"}, 1.0), ({"events": [{"item_id": "i4", "event_type": "click"}]}, 1.0)],
    ids=["not sampled", "the ranker was not asked", "events that no log holds"],
)
def test_other_answers_leave_nothing(shop: Workspace, asked: dict[str, object], share: float) -> None:
    with sampling_api(shop, share=share) as api:
        ask(api, **asked)  # type: ignore[arg-type]
    assert not shop.served.exists()


def test_an_erased_user_leaves_nothing_though_the_store_still_answers(shop: Workspace) -> None:
    with sampling_api(shop) as api:
        api.app.state.vitrine.store.set_tombstones(Tombstones().with_users([READER]))  # type: ignore[attr-defined]
        assert ask(api)["source"] == "personal"
    assert samples(shop) == []


def test_users_go_by_the_names_they_have_in_the_store(shop: Workspace) -> None:
    with sampling_api(shop, pseudonyms=True, user_key=KEY) as api:
        api.post("/v1/events", json={"user_id": READER, "item_id": "i3", "event_type": "click"})
        ask(api)
    assert [sample.user_id for sample in samples(shop)] == [UserNames(KEY.encode()).of(READER)]


def _no_folder(shop: Workspace) -> None:
    shop.served.write_text("no folder", encoding="utf-8")


def _full_disk(shop: Workspace) -> None:
    shop.served.mkdir()
    for day in range(2):  # midnight may pass
        (shop.served / f"{datetime.now(UTC) + timedelta(days=day):%Y-%m-%d}.jsonl").symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [_no_folder, _full_disk])
def test_what_cannot_be_written_fails_no_request_and_is_told_once(
    shop: Workspace, spoil: Callable[[Workspace], None], caplog: pytest.LogCaptureFixture
) -> None:
    spoil(shop)
    with caplog.at_level(logging.WARNING, logger="serving"), sampling_api(shop) as api:
        assert [len(ask(api)["items"]) for _ in range(2)] == [5, 5]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [f"answers cannot be sampled in {shop.served}"]
