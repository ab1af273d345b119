"""The code as it is has no leak; without any one of its guards it has one, and the audit names who sees what."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import pipelines.audit.feature_probes
import pipelines.audit.learning_probes
import pipelines.audit.twin
import pipelines.inputs
import pipelines.stages.build_examples
import pipelines.stages.build_index
import pipelines.stages.build_snapshot
import pipelines.stages.compute_item_features
import pipelines.stages.compute_user_features
import pipelines.stages.evaluate_models
import pipelines.stages.judge_test
import pipelines.stages.train_ranker
import pipelines.stages.train_retriever
import pipelines.window_training
import recsys.data.ranking_items
import recsys.evaluation.judge_baselines
from feature_store.layout import TableReader
from feature_store.schema import USERS
from feature_store.splits import Cuts
from pipelines.audit.stage import AUDITED
from pipelines.audit.twin import Twin
from pipelines.choosing_truth import Choosing
from pipelines.config import Config
from pipelines.inputs import load_interactions
from pipelines.nightly import STAGES
from pipelines.stages.evaluate_models import STAGE as EVALUATE_MODELS
from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions
from recsys.data.items import Items
from recsys.data.relevance import Relevance
from recsys.data.user_attributes import UserAttribute
from recsys.evaluation.truth import Truth
from tests.support.audited_shop import answers_of, audited_shop

Patch = pytest.MonkeyPatch
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return audited_shop(tmp_path_factory.mktemp("shop"))


def leaking(config: Config, *only: str) -> set[str]:
    return {f"{answer.probe} at {answer.as_of}" for answer in answers_of(config, *only) if answer.leak}


def wrapped(patch: Patch, module: Any, name: str, change: Callable[..., dict[str, Any]]) -> None:
    """Let a function of a module be called with other arguments: those that `change` makes of them."""
    real = getattr(module, name)
    patch.setattr(module, name, lambda *args, **given: real(*args, **(given | change(**given))))


def known_at_once(patch: Patch, module: Any, name: str) -> None:
    """Let a function take its first argument, a frame or frames, as if all had been known when it happened."""
    real = getattr(module, name)

    def at_once(rows: Any) -> Any:
        return [at_once(frame) for frame in rows] if isinstance(rows, list) else rows.with_columns(known_at="event_time")

    patch.setattr(module, name, lambda rows, *args, **given: real(at_once(rows), *args, **given))


def test_the_code_as_it_is_has_no_leak_and_everybody_can_be_asked(config: Config) -> None:
    answers = answers_of(config)
    assert [str(answer) for answer in answers if answer.leak or answer.unasked] == []
    assert {answer.probe for answer in answers} >= {stage.name for stage in AUDITED}


def test_every_stage_of_the_night_that_knows_the_date_is_asked_but_four() -> None:
    dated = {stage.name for stage in STAGES if stage.dated}
    nothing_learns_from, asked_after_its_clicks = {"audit_leaks", "profile_inputs", "publish_release"}, {"fine_tune_encoders"}
    assert dated - {stage.name for stage in AUDITED} == nothing_learns_from | asked_after_its_clicks
    assert {stage.name for stage in AUDITED} - dated == {"judge_test"}
    assert [stage.name for stage in AUDITED if not stage.sees] == []


def test_behaviour_that_is_loaded_whenever_it_became_known_is_seen_by_all_who_learn_from_it(config: Config, monkeypatch: Patch) -> None:
    known_at_once(monkeypatch, pipelines.inputs, "build_interactions")
    known_at_once(monkeypatch, pipelines.stages.build_snapshot, "build_interactions")
    learning = ("interactions", "training_batches", "popularity", "content_worth", "truth_past", "baselines", "build_snapshot")
    assert leaking(config, *learning) >= {f"{name} at validation" for name in learning[:-1]} | {"build_snapshot at date"}


def test_behaviour_that_is_loaded_to_the_end_of_the_log(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.inputs, "build_interactions", lambda known_before, **_: {"known_before": known_before + 400 * DAY})
    assert leaking(config, "interactions") == {"interactions at ranker", "interactions at validation", "interactions at date"}


def test_what_is_said_of_users_whenever_it_became_known(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.inputs.with_attributes

    def all_said(events: TableReader, items: Items, relevance: Relevance, *, before: datetime, users: TableReader) -> Interactions:
        return real(load_interactions(events, items, relevance, before=before), users.scan(USERS).collect())

    monkeypatch.setattr(pipelines.audit.twin, "load_interactions", all_said)
    asked = ("interactions", "training_batches")
    assert leaking(config, *asked) >= {"interactions at ranker", "interactions at validation"}


def test_users_that_are_cut_without_what_is_said_of_them(config: Config, monkeypatch: Patch) -> None:
    monkeypatch.setattr(UserAttribute, "before", lambda self, moment: self)
    assert "interactions at validation" in leaking(config, "interactions")


def test_a_snapshot_that_says_what_became_known_after_the_night(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.stages.build_snapshot.as_of
    monkeypatch.setattr(pipelines.stages.build_snapshot, "as_of", lambda users, moment: real(users, moment + DAY))
    assert leaking(config, "build_snapshot") == {"build_snapshot at date"}


def test_what_was_passed_over_until_later_is_no_negative_yet(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.inputs, "build_passed_over", lambda known_before, **_: {"known_before": known_before + 400 * DAY})
    assert "passed_over at validation" in leaking(config, "passed_over")


def test_a_log_that_is_cut_by_when_things_happened_alone(config: Config, monkeypatch: Patch) -> None:
    real = Interactions.before
    monkeypatch.setattr(Interactions, "before", lambda self, moment: real(replace(self, known_at=self.event_time), moment))
    assert "interactions at validation" in leaking(config, "interactions")


@pytest.mark.parametrize("stamp", ["event_time", "known_at"])
def test_a_join_that_looks_at_one_of_the_two_times_only(config: Config, monkeypatch: Patch, stamp: str) -> None:
    real = recsys.data.ranking_items.join_as_of

    def blind(asked: pl.DataFrame, features: pl.DataFrame, **given: Any) -> pl.DataFrame:
        return real(asked, features.with_columns(pl.col(stamp).alias("event_time"), pl.col(stamp).alias("known_at")), **given)

    monkeypatch.setattr(recsys.data.ranking_items, "join_as_of", blind)
    assert leaking(config, "ranking_items") == {"ranking_items at validation", "ranking_items at date"}


def test_item_features_that_count_what_was_known_too_late(config: Config, monkeypatch: Patch) -> None:
    known_at_once(monkeypatch, pipelines.stages.compute_item_features, "item_features")
    assert leaking(config, "item_features", "compute_item_features") >= {"item_features at request", "compute_item_features at date"}


def test_item_features_whose_window_ends_after_the_night(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.compute_item_features, "item_features", lambda before, **_: {"before": before + 2 * DAY})
    assert leaking(config, "compute_item_features") == {"compute_item_features at date"}


def test_user_features_of_another_moment(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.compute_user_features, "user_features", lambda moment, **_: {"moment": moment + DAY})
    assert leaking(config, "compute_user_features") == {"compute_user_features at date"}


def test_user_features_that_count_what_was_known_too_late(config: Config, monkeypatch: Patch) -> None:
    known_at_once(monkeypatch, pipelines.stages.compute_user_features, "user_features")
    assert leaking(config, "compute_user_features") == {"compute_user_features at date"}


def test_examples_that_reach_into_the_validation_window(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.build_examples, "build_examples", lambda end, **_: {"end": end + 10 * DAY})
    assert leaking(config, "build_examples") == {"build_examples at validation"}


def test_a_snapshot_that_holds_what_came_after_the_night(config: Config, monkeypatch: Patch) -> None:
    wrapped(
        monkeypatch, pipelines.stages.build_snapshot, "build_interactions", lambda known_before, **_: {"known_before": known_before + DAY}
    )
    assert leaking(config, "build_snapshot") == {"build_snapshot at date"}


def test_requests_whose_histories_hold_what_became_known_later(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.stages.train_ranker.request_histories
    monkeypatch.setattr(
        pipelines.stages.train_ranker,
        "request_histories",
        lambda log, users, moments: real(replace(log, known_at=log.event_time), users, moments),
    )
    assert leaking(config, "ranking_lists") == {"ranking_lists at request"}


def test_requests_whose_histories_hold_what_they_led_to(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.stages.train_ranker.request_histories
    monkeypatch.setattr(
        pipelines.stages.train_ranker, "request_histories", lambda log, users, moments: real(log, users, moments + MICROSECONDS_PER_DAY)
    )
    assert leaking(config, "ranking_lists") == {"ranking_lists at request"}


def test_ranking_items_of_the_night_given_to_validation(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.train_ranker, "build_ranking_items", lambda moment, **_: {"moment": moment + 100 * DAY})
    assert leaking(config, "train_ranker") >= {"train_ranker at test"}


def test_cuts_that_are_drawn_over_more_than_the_night_knows(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.audit.feature_probes, "resolve_cuts", lambda date, **_: {"date": date + DAY})
    assert leaking(config, "cuts") == {"cuts at date"}


def test_candidates_that_are_not_on_sale_yet(config: Config, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Items, "available", lambda self, moment: np.ones(len(self), bool))
    assert leaking(config, "candidates") == {"candidates at ranker", "candidates at validation"}


def test_candidates_that_leave_because_they_will_be_withdrawn(config: Config, monkeypatch: Patch) -> None:
    real = Items.available
    monkeypatch.setattr(Items, "available", lambda self, moment: real(self, moment) & (self.available_to > self.available_to.max() - 1))
    assert leaking(config, "candidates") == {"candidates at ranker", "candidates at validation"}


def test_a_past_that_includes_the_window_it_is_judged_by(config: Config, monkeypatch: Patch) -> None:
    chosen, real = pipelines.stages.train_retriever.open_choosing, pipelines.audit.learning_probes.build_truth

    def by_the_window(past: Interactions, window: Interactions, **given: Any) -> Choosing:
        choosing = chosen(past, window, **given)
        return replace(choosing, epochs=replace(choosing.epochs, past=window))

    def judged_by_it(past: Interactions, window: Interactions, **given: Any) -> Truth:
        return replace(real(past, window, **given), past=window)

    monkeypatch.setattr(pipelines.stages.train_retriever, "open_choosing", by_the_window)
    monkeypatch.setattr(pipelines.audit.learning_probes, "build_truth", judged_by_it)
    found = leaking(config, "train_retriever", "truth_past")
    assert found >= {"train_retriever at validation", "truth_past at validation"}


def test_a_retriever_that_learns_from_days_after_its_cuts(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.train_retriever, "load_interactions", lambda before, **_: {"before": before + 5 * DAY})
    assert leaking(config, "train_retriever") >= {f"train_retriever at {cut}" for cut in ("ranker", "validation", "date")}


def test_rivals_that_learn_from_days_after_their_cut(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.window_training, "load_interactions", lambda before, **_: {"before": before + 5 * DAY})
    assert leaking(config, "train_twin", "train_sasrec") >= {"train_twin at validation", "train_sasrec at validation"}


def test_a_model_of_the_test_that_has_learned_from_it(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.judge_test, "load_interactions", lambda before, **_: {"before": before + 2 * DAY})
    assert "judge_test at test" in leaking(config, "judge_test")


def test_an_index_that_is_measured_by_what_users_did_after_its_cut(config: Config, monkeypatch: Patch) -> None:
    wrapped(monkeypatch, pipelines.stages.build_index, "load_interactions", lambda before, **_: {"before": before + 30 * DAY})
    assert "build_index at test" in leaking(config, "build_index")


def test_a_baseline_that_is_fitted_on_everything(config: Config, monkeypatch: Patch) -> None:
    everything: list[Interactions] = []
    past, build = Twin.past, recsys.evaluation.judge_baselines.build_baseline

    def noted(twin: Twin, moment: Any) -> Interactions:
        everything.append(past(twin, twin.cuts.date))
        return past(twin, moment)

    def fitted(name: str, _past: Interactions, items: Items, **given: Any) -> Any:
        return build(name, everything[-1], items, **given)

    monkeypatch.setattr(Twin, "past", noted)
    monkeypatch.setattr(recsys.evaluation.judge_baselines, "build_baseline", fitted)
    assert leaking(config, "baselines") == {"baselines at validation"}


def test_an_evaluation_that_reads_the_test_window(config: Config, monkeypatch: Patch) -> None:
    real = pipelines.stages.evaluate_models.resolve_cuts

    def late(*args: Any, **given: Any) -> Cuts:
        cuts = real(*args, **given)
        return replace(cuts, test=cuts.test + 5 * DAY)

    monkeypatch.setattr(pipelines.stages.evaluate_models, "resolve_cuts", late)
    assert "evaluate_models at test" in leaking(config, EVALUATE_MODELS.name)


def test_a_leak_says_which_rows_or_numbers_it_changed(config: Config, monkeypatch: Patch) -> None:
    known_at_once(monkeypatch, pipelines.inputs, "build_interactions")
    known_at_once(monkeypatch, pipelines.stages.build_snapshot, "build_interactions")
    (answer,) = [answer for answer in answers_of(config, "interactions") if answer.as_of == "validation"]
    assert str(answer).startswith("interactions saw what nobody could know at validation (2025-0")
    assert "rows have become" in answer.leak
    assert "the first that has come: {'user_id': 'leak-audit:stranger'" in answer.leak
