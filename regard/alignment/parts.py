"""Where the parts of a source of several texts are, for what shows them apart."""

from typing import NamedTuple

import numpy as np

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


def part_weights(alignment: Alignment) -> np.ndarray:
    """What each target unit looked at in each part, all its units together: float32 (target, parts). Divide the weights
    of a part by it, and they are those within the part.

    The end mark of the source is of the last part that can be looked at. Features beside the positions of another part
    cannot: they are text without a unit.

    (target, 0) for a source of one text.
    """
    names = alignment.source_parts
    numbers = np.array([part_of(alignment, unit.start) for unit in alignment.source], np.int64)
    shares = np.zeros((len(alignment.target), len(names)), np.float32)
    for number in range(len(names)):
        shares[:, number] = alignment.weights[:, numbers == number].sum(1)
    if alignment.source_end is not None and names:
        seen = [number for number, part in enumerate(parts(alignment)) if not part.text or number in numbers]
        shares[:, seen[-1] if seen else 0] += alignment.source_end
    return shares


def part_of(alignment: Alignment, place: int | float) -> int:
    """The number of the part in which a character of the source stands."""
    return alignment.source_text.count(BETWEEN, 0, int(place))
