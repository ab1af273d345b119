"""What a search has come to: the report, and `tuned.toml` where something is better than what the night uses."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from feature_store.layout import Workspace
from pipelines.config import ConfigError
from pipelines.judging import write_json
from pipelines.reports.tuning_page import render_tuning_page
from pipelines.tuning.judged import METRICS
from pipelines.tuning.search import Search
from pipelines.tuning.study import finished
from pipelines.tuning.tuned import Tuned, write_tuned
from pipelines.tuning.verdict import BASE, Verdict, decide

REPORT = "tuning.json"
PAGE = "tuning.html"
STATES = {TrialState.COMPLETE: "judged", TrialState.PRUNED: "given up", TrialState.FAIL: "failed"}


def conclude(search: Search) -> dict[str, Any]:
    """Decide between the finished trials, write or remove `tuned.toml`, write report and page; the report."""
    judged = {}
    for trial in finished(search.study):
        values = search.judge.recall(search.space.settings(trial.params))
        if trial.state == TrialState.COMPLETE and values is not None:
            judged[trial.number] = values
    evaluation = search.config.evaluation
    report = describe(search, decide(judged, resamples=evaluation.bootstrap_resamples, seed=evaluation.seed))
    workspace = search.config.open_workspace()
    if report["tuned"]:
        write_tuned(workspace.tuned, Tuned(own=search.own, changes=report["tuned"]), about(report))
    elif report["verdict"]:
        workspace.tuned.unlink(missing_ok=True)
    write_report(search, report)
    (workspace.reports / PAGE).write_text(render_tuning_page(report), encoding="utf-8")
    return report


def write_report(search: Search, report: Mapping[str, Any]) -> None:
    """Write `reports/tuning.json` of the workspace."""
    folder = search.config.open_workspace().reports
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / REPORT, report)


def read_report(workspace: Workspace) -> dict[str, Any]:
    """What the last search has come to so far.

    Raises:
        ConfigError: There was none.
    """
    try:
        report: dict[str, Any] = json.loads((workspace.reports / REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there was no search in {workspace.root} yet; `vitrine tune` starts one") from error
    return report


def describe(search: Search, verdict: Verdict | None) -> dict[str, Any]:
    """Everything that is known of a search.

    Returns:
        `parameters` that are searched, the finished `trials` in their order, and, once there is one, the `verdict` (`best`, its `gain` over
        the first, `keeps_base`) and what it makes `tuned`: values other than the config's own.
    """
    space, window = search.space, search.judge.window
    trials = [_trial(search, trial) for trial in finished(search.study)]
    used = trials[BASE if verdict.keeps_base else verdict.best]["settings"] if verdict else {}
    settings = asdict(space.base) | used
    own = asdict(search.own)
    return {
        "format": 1,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "phase": "validation",
        "cuts": {name: moment.isoformat() for name, moment in asdict(window.cuts).items()},
        "users": int((window.truth.chosen["new"].counts() > 0).sum()),
        "retriever": asdict(space.base),
        "parameters": {name: asdict(parameter) for name, parameter in space.parameters.items()},
        "trials": trials,
        "verdict": asdict(verdict) if verdict else None,
        "tuned": {name: value for name, value in settings.items() if value != own[name]} if verdict else {},
    }


def about(report: Mapping[str, Any]) -> list[str]:
    """Where tuned settings come from, in a few lines."""
    verdict, trials, cuts = report["verdict"], report["trials"], report["cuts"]
    base, best = trials[BASE], trials[BASE if verdict["keeps_base"] else verdict["best"]]
    gain = "{mean:+.2%} [{low:+.2%}, {high:+.2%}]".format(**verdict["gain"])
    moved = [f"{name} {base[metric]:.4f} -> {best[metric]:.4f}" for name, metric in zip(("Recall@100", "NDCG@10"), METRICS, strict=True)]
    kept = f"Kept from an earlier search: the best of this one is ahead by {gain}, at most one standard error."
    found = f"{', '.join(moved)}; together {gain}, 95 % over users, not corrected for the number of trials."
    return [
        f"Found by `vitrine tune` on {report['at'][:16].replace('T', ' ')} UTC, trial {best['number'] + 1} of {len(trials)}; "
        f"judged on validation, by what {report['users']} users chose from {cuts['validation'][:10]} to {cuts['test'][:10]}.",
        kept if verdict["keeps_base"] else found,
        "The night uses these values; `vitrine tune --forget` or [tune] use = false ends that.",
    ]


def _trial(search: Search, trial: FrozenTrial) -> dict[str, Any]:
    settings = search.space.settings(trial.params)
    judged: Mapping[str, float] = trial.user_attrs.get("judged", {})
    return {
        "number": trial.number,
        "state": STATES[trial.state],
        "settings": {name: getattr(settings, name) for name in search.space.parameters},
        "changes": search.space.changes(settings),
        **{name: judged.get(name) for name in (*METRICS, "epochs")},
        "gain": trial.value if trial.state == TrialState.COMPLETE else None,
        "recall_by_epoch": list(trial.intermediate_values.values()),
        "why": trial.user_attrs.get("why", ""),
    }
