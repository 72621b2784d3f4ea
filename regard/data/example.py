"""One pair, as the user gave it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A source, its target if there is one, and the file and line of both.

    Args:
        source: the raw source text, one line without its line feed.
        target: the raw target text; None if there is only a source, to translate.
        file: the name of the file as the user gave it; "<stdin>" for standard input.
        line: the line in that file, counted from 1.
        parts: the pairs that were joined to this one, see `Joining`; empty where it is as the user gave it.
    """

    source: str
    target: str | None
    file: str
    line: int
    parts: tuple["Example", ...] = ()
