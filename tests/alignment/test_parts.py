"""What was looked at in each of several texts."""

import numpy as np
import pytest

from regard.alignment.alignment import Alignment, Unit
from regard.alignment.parts import part_weights


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        ("ab\tcd", [(0, 2), (3, 5)], [0.5, 0.5]),  # two texts, each looked at
        ("ab\tN;PL", [(0, 2)], [1.0, 0.0]),  # features, which stand beside the letters of the other
        ("ab\t", [(0, 2)], [0.5, 0.5]),  # an empty text, of which only the end is there
    ],
)
def test_the_end_mark_is_of_the_last_part_that_can_be_looked_at(
    text: str, units: list[tuple[int, int]], expected: list[float]
) -> None:
    source = tuple(Unit(text[start:end], float(start), float(end)) for start, end in units)
    weights = np.full((1, len(units)), 0.5 / len(units), np.float32)
    end = np.array([0.5], np.float32)
    if len(units) == 2:
        weights, end = np.array([[0.5, 0.25]], np.float32), np.array([0.25], np.float32)
    given = Alignment(text, "x", source, (Unit("x", 0.0, 1.0),), weights, 0.0, end, source_parts=("first", "second"))
    assert part_weights(given).tolist() == [expected]
