"""The night asks first whether what the champion served is what raw events say, and the gate repeats the answer."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import EVENTS
from pipelines.config import Config, parse_config
from pipelines.parity.gate import parity_gate
from pipelines.reports.parity_section import parity_section
from pipelines.stage import is_current
from pipelines.stages import check_parity
from pipelines.stages.check_parity import STAGE, compare
from recsys.data.items import ALWAYS
from recsys.evaluation.gates import Gate
from tests.support.reviews import write_log
from tests.support.sampled_shop import READER, ask, load_night, miscount, rewrite, sampling_api, skewed, write_shop
from tests.support.stages import NIGHT, run_stage
from tests.support.tiny_release import build_release


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = write_shop(tmp_path_factory.mktemp("shop"))
    with sampling_api(workspace) as api:
        for _ in range(3):
            ask(api, READER)
    return workspace.root


@pytest.fixture
def shop(answered: Path, tmp_path: Path) -> Workspace:
    """A copy to do with as one likes."""
    return Workspace(shutil.copytree(answered, tmp_path / "shop"))


def checked(shop: Workspace, **gates: Any) -> TableReader:
    return run_stage(STAGE, shop.root, gates=gates)


def gate(shop: Workspace, **gates: Any) -> Gate:
    return parity_gate(checked(shop, **gates).manifest.facts)


def verdict(table: TableReader) -> Any:
    return json.loads(table.path("verdict.json").read_text(encoding="utf-8"))


def tamper(shop: Workspace, *, by: float = 0.5) -> None:
    rewrite(shop, lambda sample: skewed(sample, "history_age", by=by))


def refused_for(shop: Workspace) -> set[str]:
    """Features that differ in what the release answers now."""
    with sampling_api(shop) as api:
        ask(api, READER)
    found = verdict(checked(shop))
    assert not found["passed"]
    return set(found["broken"])


def forget_samples(shop: Workspace) -> None:
    shutil.rmtree(shop.served)


def test_what_was_served_as_learned_passes(shop: Workspace) -> None:
    found = gate(shop)
    assert found.passed
    assert found.message.startswith("3 sampled answers of release 20260101-00000000 until ")
    assert found.message.endswith("no feature differs by more than 0.0001")


def test_a_history_that_was_tampered_with_is_refused_by_name_and_size(shop: Workspace) -> None:
    tamper(shop)
    found = gate(shop)
    assert (found.name, found.passed, found.found) == ("parity", False, 1.0)
    assert "what was served is not what raw events say of history_age (by up to 0.5 in 3 of them); 0.0001 is allowed" in found.message


@pytest.mark.parametrize("column", ["wanted_1d", "wanted_7d", "wanted_30d", "wanted_365d", "wanted_all", "wanted_decayed", "review_count"])
def test_a_night_that_has_miscounted_is_refused(shop: Workspace, column: str) -> None:
    forget_samples(shop)
    miscount(shop, **{column: pl.col(column) + 1})
    assert refused_for(shop) >= {column}


@pytest.mark.parametrize("column", ["click_rate", "conversion_rate", "mean_rating", "mean_sentiment"])
def test_a_night_that_draws_means_and_rates_elsewhere_is_refused(shop: Workspace, column: str) -> None:
    forget_samples(shop)
    miscount(shop, **{column: pl.col(column) * 0.99})
    assert refused_for(shop) == {column}


def test_a_night_that_mistakes_the_first_event_is_refused(shop: Workspace) -> None:
    forget_samples(shop)
    miscount(shop, born=pl.when(pl.col("born") > ALWAYS).then(pl.col("born") + 86_400_000_000).otherwise("born"))
    assert refused_for(shop) == {"item_age"}


def test_scores_of_another_history_than_raw_events_tell_are_refused(shop: Workspace) -> None:
    rewrite(shop, lambda sample: replace(sample, retrieval_scores=sample.retrieval_scores * 1.01))
    assert verdict(checked(shop))["broken"] == ["retrieval_score"]


def test_the_config_says_how_much_is_allowed(shop: Workspace) -> None:
    tamper(shop, by=0.01)
    assert not gate(shop).passed
    assert gate(shop, max_parity_difference=0.1).passed


def test_without_samples_the_night_goes_on_and_says_so(shop: Workspace) -> None:
    forget_samples(shop)
    table = checked(shop)
    assert table.manifest.facts["told"] == [
        "no sampled answer was made again: the API has sampled none, which `vitrine serve --sample-requests 0.01` makes it do"
    ]
    assert parity_gate(table.manifest.facts).passed


def test_before_the_first_release_there_is_nothing_to_ask(tmp_path: Path) -> None:
    assert gate(Workspace(tmp_path)).message == "no sampled answer was made again: no release is served yet"


def test_a_champion_whose_folder_is_gone_cannot_be_asked(shop: Workspace) -> None:
    shutil.rmtree(shop.releases / "20260101-00000000")
    found = gate(shop)
    assert (found.passed, found.message) == (
        True,
        "no sampled answer was made again: release 20260101-00000000, which is served, is gone or damaged",
    )


def test_samples_of_another_release_do_not_speak_for_the_champion(shop: Workspace) -> None:
    tamper(shop)
    build_release(shop.releases, items=60, seed=1)
    found = gate(shop)
    assert found.passed
    assert "no sampled answer of release 20260101-00000001 can be compared; 3 answered by another release" in found.message


def test_events_that_came_in_since_the_snapshot_are_no_reason_to_refuse(shop: Workspace) -> None:
    tamper(shop)
    write_log(shop.root, shop.read("events").scan(EVENTS).collect()[1:].to_dicts())
    found = gate(shop)
    assert found.passed
    assert "the log has changed since the snapshot" in found.message


def test_where_the_snapshot_follows_another_relevance_than_the_champion_nothing_is_held_against_it(shop: Workspace) -> None:
    tamper(shop)
    checked(shop)
    load_night(shop, relevance={"ignored": ["rating"]})
    found = gate(shop)
    assert found.passed
    assert "made with another [relevance] than release 20260101-00000000" in found.message


def test_a_refusal_stands_until_the_champion_was_asked_again(shop: Workspace) -> None:
    tamper(shop)
    checked(shop)
    forget_samples(shop)
    found = gate(shop)
    assert not found.passed
    assert "were made again by an earlier night (tonight: the API has sampled none" in found.message
    with sampling_api(shop) as api:
        ask(api, READER)
    assert gate(shop).passed


def test_a_refusal_of_an_older_version_does_not_stand(shop: Workspace) -> None:
    tamper(shop)
    table = checked(shop)
    replace(table.manifest, facts={**table.manifest.facts, "format": 1}).write(shop.table("parity"))
    forget_samples(shop)
    assert gate(shop).passed


def test_a_refusal_goes_with_the_tolerance_by_which_it_was_made(shop: Workspace) -> None:
    tamper(shop)
    checked(shop)
    forget_samples(shop)
    assert gate(shop, max_parity_difference=1.0).passed


def test_a_sample_that_comes_in_meanwhile_is_asked_the_next_time(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def compared_while_serving(config: Config, workspace: Workspace, *, champion: str) -> dict[str, Any]:
        facts = compare(config, workspace, champion=champion)
        with sampling_api(shop) as api:
            ask(api, READER)
        return facts

    monkeypatch.setattr(check_parity, "compare", compared_while_serving)
    checked(shop)
    assert not is_current(STAGE, shop, parse_config({"workspace": str(shop.root)}), NIGHT)


def test_a_refusal_goes_with_the_champion(shop: Workspace) -> None:
    tamper(shop)
    checked(shop)
    build_release(shop.releases, items=60, seed=1)
    assert gate(shop).passed


def test_parity_that_is_not_asked_for_is_not_looked_at(shop: Workspace) -> None:
    tamper(shop)
    checked(shop)
    found = gate(shop, parity_requests=0)
    assert (found.passed, found.message) == (True, "no sampled answer was made again: [gates] parity_requests is 0")


def test_new_samples_are_asked_but_change_nothing_behind_the_stage_while_the_verdict_is_the_same(shop: Workspace) -> None:
    config = parse_config({"workspace": str(shop.root)})
    first = checked(shop)
    assert is_current(STAGE, shop, config, NIGHT)
    with sampling_api(shop) as api:
        ask(api, READER)
    assert not is_current(STAGE, shop, config, NIGHT)
    second = checked(shop)
    assert (first.manifest.facts["rows"], second.manifest.facts["rows"]) == (3, 4)
    assert first.manifest.content_digest == second.manifest.content_digest
    tamper(shop)
    assert verdict(checked(shop)) == {"passed": False, "broken": ["history_age"]}


def test_the_page_shows_each_feature_and_the_overlap(shop: Workspace) -> None:
    tamper(shop)
    shown = parity_section(checked(shop).manifest.facts)
    assert "3 answers of the champion 20260101-00000000" in shown
    assert "100.00% stay" in shown
    assert shown.index("history_age") < shown.index("wanted_7d")  # what differs comes first
    assert READER not in shown
