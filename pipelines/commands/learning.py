"""Commands of the night and of what it learns."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.terminal import (
    DEFAULT_CONFIG,
    REFUSED_BY_GATE,
    ConfigOption,
    SetOption,
    config_of,
    console,
    errors,
    night_config_of,
    show,
)
from pipelines.own_errors import told
from pipelines.progress import Progress


def import_(
    what: Annotated[
        str,
        typer.Argument(
            help="`movielens`, `xwines`, `hm`, `amazon_reviews`, `sample_shop`, or a folder whose columns [mapping] of the config names."
        ),
    ],
    source: Annotated[Path | None, typer.Argument(help="Folder of the source, for a source by name.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    posters: Annotated[Path | None, typer.Option(help="Folder of photos named by item id, for movielens, xwines and hm.")] = None,
    seed: Annotated[int, typer.Option(help="Of the drawn shop, for sample_shop.")] = 1,
) -> None:
    """Bring a source into the landing folders, where the next night finds it."""
    from pipelines.importers.registry import import_source

    with told(errors):
        summary = import_source(what, source, config_of(config), posters=posters, seed=seed, progress=Progress(errors))
        missing = f", {summary.missing_images:,} photos named but not there" if summary.missing_images else ""
        users = f", {summary.users:,} users" if summary.users else ""
        ages = f", {summary.unusable_ages:,} ages that cannot be used" if summary.unusable_ages else ""
        broken = f", {summary.broken:,} broken lines for the quarantine" if summary.broken else ""
        found = f"{summary.events:,} events, {summary.items:,} items{users}, {summary.images:,} photos"
        console.print(f"{found}{missing}{ages}{broken}", highlight=False)
        console.print(f"next: vitrine nightly --config {config}", highlight=False)


def nightly(
    config: ConfigOption = DEFAULT_CONFIG,
    date: Annotated[
        datetime | None, typer.Option(help="UTC; nothing at or after it is known to the night. Default: the end of the log.")
    ] = None,
    start_from: Annotated[str | None, typer.Option("--from", help="Run this stage and all behind it even if nothing has changed.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Stop behind this stage: nothing is published or tracked, and the next night goes on from there.")
    ] = None,
    overrides: SetOption = None,
) -> None:
    """Learn from everything that has come in, judge it, publish a release.

    Stages whose code, config and inputs are unchanged are skipped; a killed night goes on where it stopped.
    Exit code 3: a gate refused the release, which stays a challenger (`vitrine releases`).
    """
    from pipelines.nightly import run_night, run_until
    from pipelines.tracking import tracked_night

    with told(errors):
        settings = night_config_of(config, overrides)
        moment = date.replace(tzinfo=date.tzinfo or UTC) if date else None
        progress = Progress(errors)
        if until is not None:
            run_until(settings, until, date=moment, progress=progress, start_from=start_from)
            console.print(f"next: vitrine nightly --config {config}", highlight=False)
            return
        night = tracked_night(
            settings, lambda: run_night(settings, date=moment, progress=progress, start_from=start_from), progress=progress
        )
        workspace = settings.open_workspace()
        release = workspace.releases / night.release_id
        console.print(f"release {night.release_id} in {release}\nreport  {release / 'report.html'}", highlight=False, soft_wrap=True)
        if not night.promoted:
            raise typer.Exit(REFUSED_BY_GATE)
        console.print(f"next: vitrine serve --config {config}", highlight=False)


def evaluate(
    config: ConfigOption = DEFAULT_CONFIG,
    phase: Annotated[
        str, typer.Option(help="`validation`: show the night's report. `test`: train up to the test cut, judge once, record it.")
    ] = "validation",
) -> None:
    """Show how good the models of the last night are, or judge them on the untouched test window."""
    from pipelines.final_test import evaluate_phase
    from pipelines.reports.models_table import models_table

    with told(errors):
        report, page = evaluate_phase(night_config_of(config), phase=phase, progress=Progress(errors))
        console.print(models_table(report))
        console.print(f"report: {page}", highlight=False, soft_wrap=True)


def ablate(
    config: ConfigOption = DEFAULT_CONFIG,
    only: Annotated[
        str,
        typer.Option(
            help="Some of them, e.g. `image,text`: a modality, `history`, `item_id`, a kind of fusion or of alignment loss; or groups of "
            "them: `parts`, `fusions`, `item_to_item`, `blocks`, `histories`, `alignments`. Default: parts,fusions."
        ),
    ] = "",
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many per training; default: the config's.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings per variant; a user's value is the mean over them.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Where the numbers go as JSON; default: reports/ablation.json of the workspace.")] = None,
    overrides: SetOption = None,
) -> None:
    """Say what each part of the retriever is worth: train it without, compare on the validation window.

    Reads the tables of the last night, and changes none. A variant trains about as long as the night's retriever does for validation;
    a finished one is kept until tables, config or code change, so a killed run goes on where it stopped.
    """
    from pipelines.ablation import run_ablation
    from pipelines.judging import write_json
    from pipelines.reports.ablation_table import ablation_table, verdicts

    with told(errors):
        settings = night_config_of(config, overrides)
        report = run_ablation(settings, only=only.split(",") if only else (), seeds=seeds, epochs=epochs, progress=Progress(errors))
        show(ablation_table(report), *verdicts(report))
        path = out or settings.open_workspace().reports / "ablation.json"
        write_json(path, report)
        console.print(f"numbers: {path}", highlight=False, soft_wrap=True)


def audit_leak(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Plant events, values and items that nobody could know yet into a small copy of the shop, and name whatever sees them.

    Asks every feature, count, sampler, baseline and stage as of the cuts of the last night; changes no model. The night asks the same
    and refuses its release where something leaks. Refused while a night is at work. Exit code 3: there is a leak.
    """
    from pipelines.audit.run import run_audit
    from pipelines.reports.leak_table import leak_lines, leak_table

    with told(errors):
        settings = config_of(config, overrides)
        answers = run_audit(settings, progress=Progress(errors))
        show(leak_table(answers), *leak_lines(answers))
        console.print(f"answers: {settings.open_workspace().reports / 'leak_audit.json'}", highlight=False, soft_wrap=True)
        if any(answer["leak"] for answer in answers):
            raise typer.Exit(REFUSED_BY_GATE)


def tune(
    config: ConfigOption = DEFAULT_CONFIG,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Settings tried in all, earlier runs included. Default: [tune] of the config.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="Wall time of this run; 0: no limit. Default: [tune] of the config.")] = None,
    only: Annotated[str, typer.Option(help="Some settings, e.g. `order,half_life_days`. Default: all that can be searched.")] = "",
    show_only: Annotated[bool, typer.Option("--show", help="Print the finished trials of the last search and do nothing else.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove what was found: the next night goes by the config alone.")] = False,
    overrides: SetOption = None,
) -> None:
    """Search for better settings of the retriever on the validation window; the next night uses what is found.

    Reads the tables of the last night, and changes none. A trial trains about as long as the night's retriever does for validation.
    Ctrl-C ends the search with what is finished; the same command goes on from there, or from where a kill has stopped it.
    Writes tuned.toml and reports/tuning.html in the workspace.
    """
    from pipelines.reports.tuning_table import tuning_table, tuning_verdict
    from pipelines.tuning.result import PAGE, read_report
    from pipelines.tuning.tune import run_tuning

    with told(errors):
        budget = [f"tune.{name}={value}" for name, value in (("trials", trials), ("hours", hours)) if value is not None]
        named = [f"tune.only={json.dumps(only.split(','))}"] if only else []
        given = [*(overrides or []), *budget, *named]
        settings = config_of(config, given)
        workspace = settings.open_workspace()
        if forget:
            done = "removed" if workspace.tuned.is_file() else "there is no"
            workspace.tuned.unlink(missing_ok=True)
            console.print(f"{done} {workspace.tuned}", highlight=False, soft_wrap=True)
            return
        if show_only:
            report = read_report(workspace)
        else:
            report = run_tuning(night_config_of(config, given), own=settings.retriever, progress=Progress(errors))
        console.print(tuning_table(report))
        console.print(tuning_verdict(report), highlight=False, soft_wrap=True, markup=False)
        if workspace.tuned.is_file():
            console.print(f"settings: {workspace.tuned}", highlight=False, soft_wrap=True)
        console.print(f"report: {workspace.reports / PAGE}", highlight=False, soft_wrap=True)
