"""Trials as Optuna keeps them: in a sqlite file, so that a killed search goes on where it stopped."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
from optuna.trial import TrialState

UNPRUNED_TRIALS = 5
"""So many are finished before any is given up."""
UNPRUNED_EPOCHS = 3
"""So many each trial may show what it can: a small learning rate starts slowly."""


@contextlib.contextmanager
def open_study(file: Path, name: str) -> Iterator[optuna.Study]:
    """A study by its name, new if the file does not hold it; a trial is given up where its best Recall@100 so far is below what half of
    the finished ones had after as many epochs."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    try:
        pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=UNPRUNED_EPOCHS)
        yield optuna.create_study(storage=storage, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were judged, given up or failed, in their order."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def next_trial(study: optuna.Study, *, seed: int) -> optuna.Trial:
    """The one that a killed search was at; else the next that was asked for; else one drawn by TPE (Bergstra et al., NeurIPS 2011).

    What is drawn depends on the seed, on how many trials are finished and on what they found, so a search that was killed comes to the
    same trials as one that was not.
    """
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(finished(study)), multivariate=True)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return optuna.Trial(study, running[0]._trial_id) if running else study.ask()  # the only way back into a trial


def note_epochs(trial: optuna.Trial, recall_by_epoch: Sequence[float]) -> None:
    """Tell the study how a trial is doing; epochs that it knows of already are not told again."""
    known = len(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    for epoch, recall in enumerate(recall_by_epoch[known:], start=known + 1):
        trial.report(recall, epoch)
