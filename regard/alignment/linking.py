"""From weights to links: which unit belongs to which."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from regard.alignment.alignment import Alignment

Links = frozenset[tuple[int, int]]
"""Pairs (source unit, target unit), both from 0."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What people say is right.

    Args:
        sure: links that must be there.
        possible: links that may be there, the sure ones among them.
    """

    sure: Links
    possible: Links


def links(alignment: Alignment) -> Links:
    """One link for each target unit, to the source unit with the largest weight (the first of equals).

    A target unit that looked at nothing gets none. As in Luong et al. 2015, section 5.4.
    """
    weights = alignment.weights
    if not weights.size:
        return frozenset()
    looked = np.flatnonzero(weights.max(1) > 0).tolist()
    best = weights.argmax(1).tolist()
    return frozenset((best[target], target) for target in looked)


def links_above(alignment: Alignment, threshold: float) -> Links:
    """Every link whose weight is at least the threshold. Raises ValueError unless it is above 0 and at most 1."""
    if not 0 < threshold <= 1:
        raise ValueError(
            f"links_above: threshold is {threshold}; expected above 0 and at most 1. Give, for example, 0.3."
        )
    found = np.argwhere(alignment.weights >= threshold).tolist()
    return frozenset((source, target) for target, source in found)


def reverse(found: Iterable[tuple[int, int]]) -> Links:
    """The links seen from the other side; brings those of a model for the other direction into our order."""
    return frozenset((target, source) for source, target in found)
