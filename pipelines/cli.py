"""The command line: `vitrine`. Commands stand here in the order in which `--help` lists them."""

import typer

from pipelines.commands.asking import explain, recommend, user
from pipelines.commands.keeping import compact, erase
from pipelines.commands.learning import ablate, audit_leak, evaluate, import_, nightly, tune
from pipelines.commands.serving import add_items, parity, releases, serve
from pipelines.commands.trying import demo, doctor
from pipelines.under_torchrun import run_with_ranks

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
app.command("import")(import_)
app.command()(nightly)
app.command()(evaluate)
app.command()(ablate)
audit.command("leak")(audit_leak)
app.command()(tune)
app.command()(recommend)
app.command()(explain)
app.command()(user)
app.command("add-items")(add_items)
app.command()(parity)
app.command()(compact)
app.command()(erase)
app.command()(serve)
app.command()(releases)
app.command()(doctor)
app.command()(demo)


def main() -> None:
    """Entry point of the console script; `torchrun -m pipelines.cli` starts several of it, of which the first does what it is told."""
    run_with_ranks(app)


if __name__ == "__main__":
    main()
