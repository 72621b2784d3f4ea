"""Options that would change nothing are refused, in every command: who gave one expects something of it."""

from collections.abc import Sequence

from regard.cli.spread import Chosen
from regard.errors import UsageError


def refuse_without_effect(chosen: Chosen, names: Sequence[str], because: str) -> None:
    """Refuse options that were given on the command line.

    Args:
        chosen: all that were.
        names: of parameters: "top_p".
        because: why they change nothing, and what to do: what follows "no effect".

    Raises UsageError that names all of them in one sentence.
    """
    if given := [chosen[name] for name in names if name in chosen]:
        raise UsageError(f"{' and '.join(given)} {'has' if len(given) == 1 else 'have'} no effect {because}")
