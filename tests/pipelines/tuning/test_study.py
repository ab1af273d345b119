"""Trials outlive the process that tries them."""

from pathlib import Path

import optuna
from optuna.trial import TrialState

from pipelines.tuning.study import UNPRUNED_TRIALS, finished, next_trial, note_epochs, open_study


def try_next(study: optuna.Study) -> float:
    """Find the top of a hill at 3."""
    trial = next_trial(study, seed=7)
    value = -((trial.suggest_float("x", 0, 10) - 3) ** 2)
    study.tell(trial, value)
    return value


def test_a_study_that_is_opened_anew_for_each_trial_draws_what_one_that_stays_open_draws(tmp_path: Path) -> None:
    with open_study(tmp_path / "one.sqlite", "hill") as study:
        at_once = [try_next(study) for _ in range(14)]
    again = []
    for _ in range(14):
        with open_study(tmp_path / "other.sqlite", "hill") as study:
            again.append(try_next(study))
    assert again == at_once
    assert len(set(at_once)) == 14


def test_a_trial_that_was_not_finished_is_the_next_one_with_what_it_had_drawn(tmp_path: Path) -> None:
    with open_study(tmp_path / "trials.sqlite", "hill") as study:
        try_next(study)
        killed = next_trial(study, seed=7)
        drawn = killed.suggest_float("x", 0, 10)
    with open_study(tmp_path / "trials.sqlite", "hill") as study:
        again = next_trial(study, seed=7)
        assert (again.number, again.suggest_float("x", 0, 10)) == (killed.number, drawn)
        study.tell(again, 0.0)
        assert [trial.state for trial in finished(study)] == [TrialState.COMPLETE] * 2


def test_epochs_are_told_once(tmp_path: Path) -> None:
    with open_study(tmp_path / "trials.sqlite", "hill") as study:
        trial = study.ask()
        note_epochs(trial, [0.1])
        note_epochs(trial, [0.1, 0.2, 0.3])
        assert study.trials[0].intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}


def test_a_trial_is_given_up_after_three_epochs_behind_the_middle_of_the_others(tmp_path: Path) -> None:
    with open_study(tmp_path / "trials.sqlite", "hill") as study:
        for level in range(UNPRUNED_TRIALS):
            trial = study.ask()
            note_epochs(trial, [0.5 + level / 100] * 4)
            study.tell(trial, 0.0)
        trial = study.ask()
        given_up = []
        for epoch in range(1, 5):
            note_epochs(trial, [0.51] * epoch)  # the middle of the others is at 0.52
            given_up.append(trial.should_prune())
        assert given_up == [False, False, True, True]
