"""Looks at the sentences of stories, scored on paper."""

import numpy as np
import pytest

from regard.analysis.facts import RULES, facts_found
from regard.data.embedded.stories import Story

STORY = Story("A. B. C. D. E?", "a", (0, 2))


@pytest.mark.parametrize(
    ("looks", "found", "mass"),
    [
        ([[0.6, 0.0, 0.4, 0.0], [0.1, 0.2, 0.7, 0.0]], 1.0, (1.0 + 0.8) / 2),  # each fact by a hop of its own
        ([[0.6, 0.0, 0.4, 0.0]], 0.5, 1.0),  # one hop has one largest
        ([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], 0.0, 0.0),
    ],
)
def test_a_fact_is_found_by_the_look_that_is_largest_there(looks: list[list[float]], found: float, mass: float) -> None:
    scores = facts_found(np.array(looks), STORY)
    assert (scores.found, scores.mass) == (pytest.approx(found), pytest.approx(mass))


def test_rules_have_as_many_looks_as_the_model() -> None:
    """Uniform looks choose at random: two of them miss one of four sentences with (3/4)²."""
    looks = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]])
    assert facts_found(RULES["attention"](looks), STORY).found == 1
    assert facts_found(RULES["uniform"](looks), STORY).found == pytest.approx(1 - 0.75**2)
    assert facts_found(RULES["last sentence"](looks), STORY).found == 0
