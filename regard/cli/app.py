"""The commands, in the order in which a user meets them."""

from typing import Annotated

import typer

from regard import __version__
from regard.cli import (
    align,
    chat,
    curves,
    demo,
    doctor,
    evaluate,
    export,
    recipes,
    score,
    shortlist,
    train,
    translate,
    view,
)

app = typer.Typer(
    name="regard",
    help="Train encoder-decoders with attention on pairs of text, and see what they look at.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help flows at any width, and comes in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: regard demo. Exit codes: 0 done, 1 failure, 2 usage, 3 bad data, 4 bad run directory, "
    "129, 130 and 143 after a save.",
)
app.command("demo")(demo.command)
app.command("train")(train.command)
app.command("curves")(curves.command)
app.command("translate")(translate.command)
app.command("score")(score.command)
app.command("evaluate")(evaluate.command)
app.command("shortlist")(shortlist.command)
app.command("align")(align.command)
app.command("view")(view.command)
app.command("chat")(chat.command)
app.command("export")(export.command)
app.command("doctor")(doctor.command)
app.command("recipes")(recipes.command)


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"regard {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Train encoder-decoders with attention on pairs of text, and see what they look at."""
