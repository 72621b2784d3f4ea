"""`regard recipes`: what comes with Regard to begin from."""

from typing import Annotated

import typer

from regard.cli.errors import reported
from regard.errors import UsageError


@reported
def command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[show NAME]", help="Print the recipe of this name, as YAML.")
    ] = None,
) -> None:
    """List the recipes that come with Regard, or print one.

    Example: regard recipes show tatoeba-en-zh > mine.yaml
    """
    from regard.cli.stdout import aligned_columns, put, write
    from regard.config.recipes import about, names, text

    if not words:
        put(aligned_columns([[name, about(name)] for name in names()], "ll"))
    elif len(words) == 2 and words[0] == "show":
        write(text(words[1]))
    else:
        raise UsageError(f"recipes is given {' '.join(words)!r}; expected nothing, or show and the name of one.")
