"""Commands that ask what a release, or a night, says of users and items."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.terminal import DEFAULT_CONFIG, ConfigOption, config_of, console, errors, show
from pipelines.config import ConfigError
from pipelines.own_errors import told
from pipelines.progress import Progress


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
        settings = config_of(config)
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
            show(*recommendation_tables(settings, asked[0], found))


def explain(
    user: Annotated[str, typer.Argument(help="Whose recommendation.")],
    item: Annotated[str, typer.Argument(help="The item, shown or not.")],
    config: ConfigOption = DEFAULT_CONFIG,
    events: Annotated[int, typer.Option(min=0, help="Newest events to judge, of those that the model reads.")] = 10,
    release: Annotated[str, typer.Option(help="A release by id; default: the champion.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why an item is recommended to a user: what its retrieval score is made of, and what each event of the history adds to it."""
    from pipelines.explain import explain_item
    from pipelines.reports.explanation_tables import explanation_tables

    with told(errors):
        settings = config_of(config)
        found = explain_item(settings, user, item, release_id=release, newest=events)
        if as_json:
            print(json.dumps(asdict(found), default=str))
        else:
            show(*explanation_tables(settings, found))


def user(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The shop's own id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the last night knew of a user: activity, categories, price band, active hours and the newest events."""
    from pipelines.reports.user_tables import user_tables
    from pipelines.user_profile import profile_user

    with told(errors):
        profile = profile_user(config_of(config), user_id)
        if as_json:
            print(json.dumps(asdict(profile), default=str))
        else:
            show(*user_tables(profile))
