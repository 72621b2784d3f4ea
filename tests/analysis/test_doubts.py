"""What is said against the weights behind the links of given pairs."""

from dataclasses import replace

import numpy as np

from regard.alignment import Alignment, Links, Unit
from regard.analysis.align import Aligned, Direction
from regard.analysis.doubts import Doubts
from regard.data.example import Example

UNITS = tuple(Unit("x", 2 * place, 2 * place + 1) for place in range(7))
TEXT = " ".join("x" * 7)
WORDS = frozenset((place, 6 - place) for place in range(7))
LAST = frozenset((6, place) for place in range(7))


def direction(looks: list[int], links: Links, warning: str | None = None) -> Direction:
    """Each target unit looks at one place."""
    weights = np.eye(7, dtype=np.float32)[looks]
    return Direction(Alignment(TEXT, TEXT, UNITS, UNITS, weights, 0.0, warning=warning), links)


def said(*directions: Direction, pairs: int = 5) -> list[str]:
    doubts = Doubts()
    for line in range(pairs):
        first = directions[0]
        doubts.add(Aligned(Example(TEXT, TEXT, "x", line), first.alignment, first.links, directions))
    return doubts.warnings()


TURNED, STUCK = direction([6, 5, 4, 3, 2, 1, 0], WORDS), direction([6] * 7, LAST)


def test_each_direction_is_measured_and_so_is_what_they_have_in_common() -> None:
    assert said(TURNED) == []
    assert said(TURNED, TURNED) == []
    one, together = said(TURNED, STUCK)
    assert one.startswith("--reverse: 100% of the output looks at the last position")
    assert together.startswith("the two directions have 14% of their links in common")
    assert together.endswith("(measured on 5 pairs that were aligned)")


def test_what_validation_said_is_repeated_where_these_pairs_say_nothing() -> None:
    warned = replace(TURNED, alignment=replace(TURNED.alignment, warning="a warning"))
    assert said(warned) == ["a warning"]
    assert said(replace(STUCK, alignment=replace(STUCK.alignment, warning="a warning")), pairs=2) == ["a warning"]
    assert said(STUCK)[0].startswith("100% of the output")
    assert said(TURNED, pairs=0) == []
