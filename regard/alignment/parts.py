"""Where the parts of a source of several texts are, for what shows them apart."""

from typing import NamedTuple

from regard.alignment.alignment import Alignment
from regard.data.rows import BETWEEN


class Part(NamedTuple):
    """One of several texts.

    Args:
        name: what it is called.
        start: its first character in `Alignment.source_text`.
        text: it itself.
    """

    name: str
    start: int
    text: str


def parts(alignment: Alignment) -> list[Part]:
    """The parts of the source in their order; none where it is one text."""
    found: list[Part] = []
    start = 0
    for name, text in zip(alignment.source_parts, alignment.source_text.split(BETWEEN), strict=False):
        found.append(Part(name, start, text))
        start += len(text) + len(BETWEEN)
    return found


def part_of(alignment: Alignment, place: int | float) -> int:
    """The number of the part in which a character of the source stands."""
    return alignment.source_text.count(BETWEEN, 0, int(place))
