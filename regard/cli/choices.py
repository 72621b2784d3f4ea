"""A name that the user gave, among those that there are."""

from collections.abc import Collection
from difflib import get_close_matches

from regard.errors import UsageError


def choose(option: str, given: str, choices: Collection[str]) -> str:
    """The given name. Raises UsageError with the choices and the nearest one, if it is none of them."""
    if given not in choices:
        near = get_close_matches(given, list(choices), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"{option} is {given!r}; expected one of {', '.join(choices)}.{hint}")
    return given
