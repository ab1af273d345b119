"""Trial after trial within a budget; whatever the next run needs lies in the study and in the folders of the judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import optuna
from optuna.trial import TrialState
from rich.markup import escape

from pipelines.config import Config
from pipelines.progress import Progress
from pipelines.reports.tuning_table import AS_BEFORE
from pipelines.tuning.judged import METRICS, Judge
from pipelines.tuning.space import Space
from pipelines.tuning.study import finished, next_trial, note_epochs
from pipelines.tuning.tuned import listed
from pipelines.tuning.verdict import BASE, gain
from recsys.training.config import RetrieverConfig


class OutOfTimeError(Exception):
    """The hours are over; what was at work goes on in the next run."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """One run of a search."""

    config: Config
    own: RetrieverConfig
    """The settings that the config itself names."""
    space: Space
    judge: Judge
    study: optuna.Study
    progress: Progress

    def ask_for_starting_points(self) -> None:
        """What a new study tries before it draws anything."""
        if not self.study.get_trials(deepcopy=False):
            for settings in self.space.starting_points(self.own):
                self.study.enqueue_trial(self.space.params(settings))

    def run(self, *, after_trial: Callable[[], object]) -> None:
        """Finish trials until there are enough of them or the time is over; at least one epoch is trained.

        Raises:
            ValueError: Nothing can be learned with the settings that the search starts from.
        """
        budget = self.config.tune
        started, before = perf_counter(), len(finished(self.study))
        end = started + budget.hours * 3600 if budget.hours else float("inf")
        if before:
            self.progress.say(f"{before} of {budget.trials} trials are finished; going on from there")
        while (done := len(finished(self.study))) < budget.trials:
            try:
                if done > before and perf_counter() > end:
                    raise OutOfTimeError
                trial = next_trial(self.study, seed=budget.seed)
                self._try(trial, end=end)
            except OutOfTimeError:
                self.progress.say(f"{budget.hours:g} hours are over; the same command goes on from here")
                return
            now = perf_counter()
            rest = min(end - now, (now - started) / (done + 1 - before) * (budget.trials - done - 1))
            self.progress.say(f"{self._line(trial.number)}; about {timedelta(seconds=max(0, round(rest)))} left")
            after_trial()

    def _try(self, trial: optuna.Trial, *, end: float) -> None:
        settings = self.space.suggest(trial)

        def after_epoch(history: Sequence[Mapping[str, float]]) -> None:
            note_epochs(trial, [epoch["recall_at_100"] for epoch in history])
            if trial.should_prune():
                raise optuna.TrialPruned
            if perf_counter() > end:
                raise OutOfTimeError

        try:
            judged = self.judge.judge(settings, track=self.progress.tracker(f"trial {trial.number + 1}"), after_epoch=after_epoch)
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
            self.judge.forget(settings)
        except ValueError as error:
            if trial.number == BASE:
                raise
            trial.set_user_attr("why", str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            self.judge.forget(settings)
        else:
            note_epochs(trial, judged.recall_by_epoch)
            trial.set_user_attr("judged", judged.means() | {"epochs": judged.epochs})
            base = self.judge.recall(self.space.base)
            self.study.tell(trial, 0.0 if base is None or trial.number == BASE else gain(judged, base))

    def _line(self, number: int) -> str:
        trial = self.study.get_trials(deepcopy=False)[number]
        changes = self.space.changes(self.space.settings(trial.params))
        title = f"trial {number + 1} of {self.config.tune.trials}: {listed(changes) or AS_BEFORE}"
        if trial.state == TrialState.PRUNED:
            return f"  [dim]–[/dim] {title}: given up after {len(trial.intermediate_values)} epochs"
        if trial.state == TrialState.FAIL:
            return f"  [yellow]✗[/yellow] {title}: {escape(trial.user_attrs['why'])}"
        recall, ndcg = (trial.user_attrs["judged"][metric] for metric in METRICS)
        best = self.study.best_trial
        return (
            f"  [green]✓[/green] {title}: Recall@100 {recall:.4f}, NDCG@10 {ndcg:.4f}, {trial.value:+.2%}; "
            f"best so far trial {best.number + 1} {best.value:+.2%}"
        )
