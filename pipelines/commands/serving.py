"""Commands of what is served: the API, its releases, items that came today, and whether it serves what was learned."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.terminal import DEFAULT_CONFIG, ConfigOption, config_of, console, errors, show
from pipelines.config import ConfigError
from pipelines.own_errors import told
from pipelines.progress import Progress


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
        settings = config_of(config)
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
            show(*added_lines(added))
            for reason in added.refused[:5]:
                errors.print(f"    [yellow]{escape(reason)}[/yellow]", highlight=False, soft_wrap=True)
            if file is not None and not added.items:
                raise typer.Exit(1)


def parity(
    config: ConfigOption = DEFAULT_CONFIG,
    requests: Annotated[int, typer.Option(min=1, help="Newest sampled answers to make again.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold what the ranker read when it answered against the same features made again from raw events.

    Reads what `vitrine serve --sample-requests` has kept of the champion. Exit code 1: something differs by more than
    `[gates] max_parity_difference`. The night asks the same, and refuses its release where parity is broken.
    """
    from pipelines.parity.run import run_parity
    from pipelines.reports.parity_table import parity_lines, parity_table

    with told(errors):
        found = run_parity(config_of(config), requests=requests)
        if as_json:
            print(json.dumps(asdict(found) | {"passed": found.passed}, default=str))
        else:
            show(parity_table(found), *parity_lines(found))
        if not found.passed:
            raise typer.Exit(1)


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
        settings = config_of(config)
        workspace = settings.open_workspace()
        from pipelines.online_store import store_place
        from pipelines.privacy.admission import names_in_log
        from pipelines.recommend import release_folder

        release_folder(workspace, "")
        names_in_log(settings)  # without its key nobody would be found
        command = [sys.executable, "-m", "serving", "--releases", str(workspace.releases), "--store", store_place(settings)]
        command += ["--posted-days", str(settings.online_store.posted_days)]
        command += ["--images", str(settings.resolve(settings.sources.images)), "--host", host, "--port", str(port)]
        command += ["--show-users"] if show_users else []
        command += ["--sample-requests", str(sample_requests), "--served", str(workspace.served)]
        command += ["--pseudonyms"] if settings.privacy.pseudonyms else []
        url = f"http://{host}:{port}"
        console.print(f"{url}  (API docs: {url}/docs; Ctrl-C ends it)", highlight=False)
        console.print(f"try: curl {url}/v1/release", highlight=False)
        sys.stdout.flush()
        os.execv(command[0], command)  # the API takes this process over, so whoever ends it ends the API


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
        settings = config_of(config)
        shelf = ReleaseShelf(settings.open_workspace().releases)
        if action not in ("list", "promote", "rollback"):
            raise ConfigError(f"there is no action {action!r}; it is list, promote or rollback")
        if action == "list":
            console.print(release_table(shelf))
            return
        champion = shelf.promote(release_id, why="by hand") if action == "promote" else shelf.roll_back()
        console.print(f"served from now on: {champion.release_id}", highlight=False)
        mirror_champion(settings, champion.release_id, progress=Progress(errors))
