"""`regard recipes`: what comes with Regard to begin from."""

from typing import Annotated

import typer

from regard.cli.report import reported

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, no_args_is_help=False)


@app.callback()
@reported
def listing(context: typer.Context) -> None:
    """List the recipes that come with Regard; `show NAME` prints one.

    Example: regard recipes show tatoeba-en-zh > mine.yaml
    """
    if context.invoked_subcommand is not None:
        return
    from regard.cli.output import aligned_columns, put
    from regard.config.recipes import about, names

    put(aligned_columns([[name, about(name)] for name in names()], "ll"))


@app.command("show")
@reported
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One that `regard recipes` lists.")],
) -> None:
    """Print a recipe, as YAML.

    Example: regard recipes show cmudict > mine.yaml
    """
    from regard.cli.output import write
    from regard.config.recipes import text

    write(text(name))
