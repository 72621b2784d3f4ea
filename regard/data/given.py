"""Texts as a caller gives them, checked: one alone is a list of one."""

from collections.abc import Iterable, Mapping, Sequence

Constraints = str | Sequence[str | Sequence[str]]
"""Of each source the phrases that its output has; one phrase alone is a list of one."""


def texts(place: str, name: str, given: str | Sequence[str]) -> list[str]:
    """The texts; one alone as a list of one. Raises TypeError for what is no text."""
    if isinstance(given, str):
        return [given]
    several = isinstance(given, Iterable) and not isinstance(given, bytes | Mapping)
    found = list(given) if several else []
    wrong = {f"[{number}]": text for number, text in enumerate(found) if not isinstance(text, str)}
    for where, text in wrong.items() if several else [("", given)]:
        raise TypeError(
            f"{place}: {name}{where} is {text!r:.60}; expected a str, or a list of them: one for each text."
        )
    return found


def expect_as_many(place: str, sources: Sequence[str], name: str, given: Sequence[object]) -> None:
    """Raises ValueError unless there is one for each source."""
    if len(given) != len(sources):
        raise ValueError(
            f"{place}: {len(sources)} sources and {len(given)} {name}; expected as many of each. "
            "Give an empty one for a source without."
        )
