"""The command line: `vitrine`."""

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.config import Config, ConfigError, load_config, parse_override
from pipelines.own_errors import told
from pipelines.progress import Progress
from pipelines.under_torchrun import run_with_ranks

REFUSED_BY_GATE = 3
"""Exit code of a night whose release stays a challenger."""

app = typer.Typer(
    help="Photos, texts and behaviour logs in; recommendations over HTTP out.\n\n"
    "A first walk: `vitrine import sample_shop --config configs/demo.toml`, `vitrine nightly --config configs/demo.toml`, "
    "`vitrine serve --config configs/demo.toml`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)
audit = typer.Typer(help="Look for what must not be.", no_args_is_help=True)
app.add_typer(audit, name="audit")
console = Console()
errors = Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="TOML file of the shop; configs/ holds examples.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one key: section.key=value, the value in TOML. May be repeated.", metavar="KEY=VALUE"),
]
DEFAULT_CONFIG = Path("configs/nightly.toml")


def _config(path: Path, overrides: list[str] | None = None) -> Config:
    return load_config(path, dict(parse_override(entry) for entry in overrides or []))


def _night_config(path: Path, overrides: list[str] | None = None) -> Config:
    from pipelines.tuning.tuned import load_night_config

    return load_night_config(path, dict(parse_override(entry) for entry in overrides or []), progress=Progress(errors))


@app.command("import")
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
        summary = import_source(what, source, _config(config), posters=posters, seed=seed, progress=Progress(errors))
        missing = f", {summary.missing_images:,} photos named but not there" if summary.missing_images else ""
        broken = f", {summary.broken:,} broken lines for the quarantine" if summary.broken else ""
        console.print(f"{summary.events:,} events, {summary.items:,} items, {summary.images:,} photos{missing}{broken}", highlight=False)
        console.print(f"next: vitrine nightly --config {config}", highlight=False)


@app.command()
def nightly(
    config: ConfigOption = DEFAULT_CONFIG,
    date: Annotated[
        datetime | None, typer.Option(help="UTC; nothing at or after it is known to the night. Default: the end of the log.")
    ] = None,
    start_from: Annotated[str | None, typer.Option("--from", help="Run this stage and all behind it even if nothing has changed.")] = None,
    overrides: SetOption = None,
) -> None:
    """Learn from everything that has come in, judge it, publish a release.

    Stages whose code, config and inputs are unchanged are skipped; a killed night goes on where it stopped.
    Exit code 3: a gate refused the release, which stays a challenger (`vitrine releases`).
    """
    from pipelines.nightly import run_night
    from pipelines.tracking import tracked_night

    with told(errors):
        settings = _night_config(config, overrides)
        moment = date.replace(tzinfo=date.tzinfo or UTC) if date else None
        progress = Progress(errors)
        night = tracked_night(
            settings, lambda: run_night(settings, date=moment, progress=progress, start_from=start_from), progress=progress
        )
        workspace = settings.open_workspace()
        release = workspace.releases / night.release_id
        console.print(f"release {night.release_id} in {release}\nreport  {release / 'report.html'}", highlight=False, soft_wrap=True)
        if not night.promoted:
            raise typer.Exit(REFUSED_BY_GATE)
        console.print(f"next: vitrine serve --config {config}", highlight=False)


@app.command()
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
        report, page = evaluate_phase(_night_config(config), phase=phase, progress=Progress(errors))
        console.print(models_table(report))
        console.print(f"report: {page}", highlight=False, soft_wrap=True)


@app.command()
def ablate(
    config: ConfigOption = DEFAULT_CONFIG,
    only: Annotated[
        str,
        typer.Option(
            help="Some of them, e.g. `image,text`: a modality, `history`, `item_id`, a kind of fusion or of alignment loss; or groups of "
            "them: `parts`, `fusions`, `alignments`. Default: parts,fusions."
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
        settings = _night_config(config, overrides)
        report = run_ablation(settings, only=only.split(",") if only else (), seeds=seeds, epochs=epochs, progress=Progress(errors))
        _print(ablation_table(report), *verdicts(report))
        path = out or settings.open_workspace().reports / "ablation.json"
        write_json(path, report)
        console.print(f"numbers: {path}", highlight=False, soft_wrap=True)


@audit.command("leak")
def audit_leak(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Plant events, values and items that nobody could know yet into a small copy of the shop, and name whatever sees them.

    Asks every feature, count, sampler, baseline and stage as of the cuts of the last night; changes no model. The night asks the same
    and refuses its release where something leaks. Exit code 3: there is a leak.
    """
    from pipelines.audit.run import run_audit
    from pipelines.reports.leak_table import leak_lines, leak_table

    with told(errors):
        settings = _config(config, overrides)
        answers = run_audit(settings, progress=Progress(errors))
        _print(leak_table(answers), *leak_lines(answers))
        console.print(f"answers: {settings.open_workspace().reports / 'leak_audit.json'}", highlight=False, soft_wrap=True)
        if any(answer["leak"] for answer in answers):
            raise typer.Exit(REFUSED_BY_GATE)


@app.command()
def tune(
    config: ConfigOption = DEFAULT_CONFIG,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Settings tried in all, earlier runs included. Default: [tune] of the config.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="Wall time of this run; 0: no limit. Default: [tune] of the config.")] = None,
    only: Annotated[str, typer.Option(help="Some settings, e.g. `order,half_life_days`. Default: all that can be searched.")] = "",
    show: Annotated[bool, typer.Option("--show", help="Print the finished trials of the last search and do nothing else.")] = False,
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
        settings = _config(config, given)
        workspace = settings.open_workspace()
        if forget:
            done = "removed" if workspace.tuned.is_file() else "there is no"
            workspace.tuned.unlink(missing_ok=True)
            console.print(f"{done} {workspace.tuned}", highlight=False, soft_wrap=True)
            return
        report = (
            read_report(workspace) if show else run_tuning(_night_config(config, given), own=settings.retriever, progress=Progress(errors))
        )
        console.print(tuning_table(report))
        console.print(tuning_verdict(report), highlight=False, soft_wrap=True, markup=False)
        if workspace.tuned.is_file():
            console.print(f"settings: {workspace.tuned}", highlight=False, soft_wrap=True)
        console.print(f"report: {workspace.reports / PAGE}", highlight=False, soft_wrap=True)


@app.command()
def recommend(
    config: ConfigOption = DEFAULT_CONFIG,
    user: Annotated[str | None, typer.Option(help="One user: prints history and recommendations as tables.")] = None,
    users: Annotated[Path | None, typer.Option(help="Parquet or CSV with a column user_id.", exists=True, dir_okay=False)] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Items per user; default: 10 for one user, 100 for a file.")] = None,
    stage: Annotated[str, typer.Option(help="`retrieval` or `slate`.")] = "slate",
    candidates: Annotated[
        Path | None, typer.Option(help="Parquet or CSV with a column item_id: recommend only these.", exists=True, dir_okay=False)
    ] = None,
    model: Annotated[
        str, typer.Option(help="A baseline instead of the release: ease, ials, item_knn, popularity, recent_popularity, content_knn.")
    ] = "",
    release: Annotated[str, typer.Option(help="A release by id; default: the champion.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write user_id, item_id, rank, score as Parquet.")] = None,
) -> None:
    """Recommend unseen items to one user, or to a file of users."""
    from pipelines.recommend import Wanted, read_column
    from pipelines.recommend import recommend as make
    from pipelines.reports.recommendation_tables import recommendation_tables

    with told(errors):
        settings = _config(config)
        if (user is None) == (users is None):
            raise ConfigError("name one user with --user, or a file of users with --users and --out")
        if users is not None and out is None:
            raise ConfigError("--users wants --out FILE to write to")
        asked = [str(user)] if users is None else read_column(users, "user_id")
        wanted = Wanted(
            users=asked,
            k=k or (10 if user is not None else 100),
            stage=stage,
            candidates=read_column(candidates, "item_id") if candidates else None,
            model=model,
            release_id=release,
        )
        found = make(settings, wanted, progress=Progress(errors))
        if out is not None:
            found.write_parquet(out)
            console.print(f"{found.height:,} rows for {found['user_id'].n_unique():,} users in {out}", highlight=False, soft_wrap=True)
        else:
            _print(*recommendation_tables(settings, asked[0], found))


@app.command()
def explain(
    user: Annotated[str, typer.Argument(help="Whose recommendation.")],
    item: Annotated[str, typer.Argument(help="The item, shown or not.")],
    config: ConfigOption = DEFAULT_CONFIG,
    events: Annotated[int, typer.Option(min=0, help="Newest events of the history to judge.")] = 10,
    release: Annotated[str, typer.Option(help="A release by id; default: the champion.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why an item is recommended to a user: what its retrieval score is made of, and what each event of the history adds to it."""
    from pipelines.explain import explain_item
    from pipelines.reports.explanation_tables import explanation_tables

    with told(errors):
        settings = _config(config)
        found = explain_item(settings, user, item, release_id=release, newest=events)
        if as_json:
            print(json.dumps(asdict(found), default=str))
        else:
            _print(*explanation_tables(settings, found))


@app.command()
def user(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The shop's own id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the last night knew of a user: activity, categories, price band, active hours and the newest events."""
    from pipelines.reports.user_tables import user_tables
    from pipelines.user_profile import profile_user

    with told(errors):
        profile = profile_user(_config(config), user_id)
        if as_json:
            print(json.dumps(asdict(profile), default=str))
        else:
            _print(*user_tables(profile))


@app.command("add-items")
def add_items(
    file: Annotated[
        Path | None,
        typer.Argument(help="Parquet, CSV or JSON lines with the catalogue's columns. Default: what is new in the landing folders."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    remove: Annotated[list[str] | None, typer.Option(metavar="ITEM_ID", help="Show this item no more, at once. May be repeated.")] = None,
    restore: Annotated[list[str] | None, typer.Option(metavar="ITEM_ID", help="Take back --remove. May be repeated.")] = None,
) -> None:
    """Make new items recommendable now, from their content alone; the API shows them without a restart.

    They stand beside the release that is served until a new champion takes its place, which knows what lies in the landing folders.
    Items that the release knows are left to the night.
    """
    from pipelines.withdraw import withdraw_items

    with told(errors):
        settings = _config(config)
        if sum(bool(asked) for asked in (file, remove, restore)) > 1:
            raise ConfigError("FILE, --remove and --restore are three commands; give one of them")
        item_ids = remove or restore
        if item_ids:
            release_id = withdraw_items(settings, item_ids, restore=bool(restore))
            done = "shown again" if restore else "shown no more"
            console.print(f"{len(item_ids):,} items are {done} by release {release_id} and those after it", highlight=False)
        else:
            from pipelines.add_items import add_items as add
            from pipelines.reports.added_lines import added_lines

            added = add(settings, file, progress=Progress(errors))
            _print(*added_lines(added))
            for reason in added.refused[:5]:
                errors.print(f"    [yellow]{escape(reason)}[/yellow]", highlight=False, soft_wrap=True)
            if file is not None and not added.items:
                raise typer.Exit(1)


@app.command()
def parity(
    config: ConfigOption = DEFAULT_CONFIG,
    requests: Annotated[int, typer.Option(min=1, help="Newest sampled answers to make again.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold what the ranker read when it answered against the same features made again from raw events.

    Reads what `vitrine serve --sample-requests` has kept of the champion. Exit code 1: something differs by more than rounding.
    """
    from pipelines.parity.run import run_parity
    from pipelines.reports.parity_table import parity_lines, parity_table

    with told(errors):
        found = run_parity(_config(config), requests=requests)
        if as_json:
            print(json.dumps(asdict(found) | {"passed": found.passed}))
        else:
            _print(parity_table(found), *parity_lines(found))
        if not found.passed:
            raise typer.Exit(1)


@app.command()
def compact(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Put small files of the event log together: the same rows in the same order, and no stage runs again for it.

    Refused while a night is at work; a kill leaves the log as it was.
    """
    from pipelines.compact import compact_log

    with told(errors):
        done = compact_log(_config(config))
        for name, size in (("before", done.before), ("after", done.after)):
            console.print(f"{name:<6} {size.files:>7,} files {size.bytes / 2**20:>10,.1f} MiB", highlight=False)


@app.command()
def erase(
    user: Annotated[str, typer.Argument(help="The shop's own id, or the pseudonym.")],
    config: ConfigOption = DEFAULT_CONFIG,
    landing: Annotated[bool, typer.Option("--landing", help="Take the user out of landing files too, where that is safe.")] = False,
) -> None:
    """Forget a user for good: a tombstone keeps new events of the user out, and everything in the workspace is searched and changed.

    The next night learns without the user. Prints all that was looked into; exit code 1: something still holds the user.
    """
    from pipelines.privacy.erase import erase_user
    from pipelines.reports.erasure_table import erasure_lines, erasure_table

    with told(errors):
        receipt = erase_user(_config(config), user, rewrite_landing=landing, progress=Progress(errors))
        _print(erasure_table(receipt), *erasure_lines(receipt))
        if not receipt.clean:
            raise typer.Exit(1)


@app.command()
def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    show_users: Annotated[bool, typer.Option("--show-users", help="List a few known user ids on the page, for trying out.")] = False,
    sample_requests: Annotated[
        float, typer.Option(min=0, max=1, help="Keep all that the ranker read of this share of answers, for `vitrine parity`.")
    ] = 0.0,
) -> None:
    """Serve the champion over HTTP until Ctrl-C."""
    with told(errors):
        settings = _config(config)
        workspace = settings.open_workspace()
        from pipelines.privacy.admission import names_of
        from pipelines.recommend import release_folder

        release_folder(workspace, "")
        names_of(settings)  # without the key nobody would be found
        command = [sys.executable, "-m", "serving", "--releases", str(workspace.releases), "--store", str(workspace.online_store)]
        command += ["--images", str(settings.resolve(settings.sources.images)), "--host", host, "--port", str(port)]
        command += ["--show-users"] if show_users else []
        command += ["--sample-requests", str(sample_requests), "--served", str(workspace.served)]
        command += ["--pseudonyms"] if settings.privacy.pseudonyms else []
        url = f"http://{host}:{port}"
        console.print(f"{url}  (API docs: {url}/docs; Ctrl-C ends it)", highlight=False)
        console.print(f"try: curl {url}/v1/release", highlight=False)
        sys.stdout.flush()
        os.execv(command[0], command)  # the API takes this process over, so whoever ends it ends the API


@app.command()
def releases(
    action: Annotated[str, typer.Argument(help="`list`, `promote` or `rollback`.")] = "list",
    release_id: Annotated[str, typer.Argument(help="Which one, for promote.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Show releases, serve another one, or go back to the previous champion in one step."""
    from pipelines.releases import ReleaseShelf
    from pipelines.reports.release_table import release_table
    from pipelines.tracking import mirror_champion

    with told(errors):
        settings = _config(config)
        shelf = ReleaseShelf(settings.open_workspace().releases)
        if action not in ("list", "promote", "rollback"):
            raise ConfigError(f"there is no action {action!r}; it is list, promote or rollback")
        if action == "list":
            console.print(release_table(shelf))
            return
        champion = shelf.promote(release_id, why="by hand") if action == "promote" else shelf.roll_back()
        console.print(f"served from now on: {champion.release_id}", highlight=False)
        mirror_champion(settings, champion.release_id, progress=Progress(errors))


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Also look at this config and its workspace.")] = None,
) -> None:
    """Say what is missing or mismatched on this machine, and how to mend it."""
    from pipelines.doctor import run_doctor

    raise typer.Exit(run_doctor(config, console=console))


@app.command()
def demo(config: ConfigOption = Path("configs/demo.toml")) -> None:
    """The whole way on the sample shop: draw it, run the night, start the API, ask it once, end it."""
    from pipelines.demo import run_demo

    with told(errors):
        raise typer.Exit(run_demo(config, console=console))


def _print(*parts: Table | str) -> None:
    for part in parts:
        console.print(part, highlight=False, soft_wrap=isinstance(part, str))


def main() -> None:
    """Entry point of the console script; `torchrun -m pipelines.cli` starts several of it, of which the first does what it is told."""
    run_with_ranks(app)


if __name__ == "__main__":
    main()
