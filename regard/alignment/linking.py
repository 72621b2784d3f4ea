"""From weights to links: which unit belongs to which."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from regard.alignment.alignment import Alignment

Links = frozenset[tuple[int, int]]
"""Pairs (source unit, target unit), both from 0."""

MIN_WEIGHT = 0.01
"""What is looked at with less is not linked: rounding and the tails of a softmax are no choice of the model."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What people say is right.

    Args:
        sure: links that must be there.
        possible: links that may be there, the sure ones among them.
    """

    sure: Links
    possible: Links


def links(alignment: Alignment, min_weight: float = MIN_WEIGHT) -> Links:
    """One link for each target unit, to the source unit with the largest weight (the first of equals).

    As in Luong et al. 2015, section 5.4; but a target unit stays without a link where the largest weight is below
    `min_weight`, and where more than that lies on the end mark of the source (`source_end`): that is a null link.

    Args:
        min_weight: from 0 to 1; with 0, whatever was looked at counts.

    Raises ValueError for another `min_weight`.
    """
    if not 0 <= min_weight <= 1:
        raise ValueError(f"links: min_weight is {min_weight}; expected from 0 to 1. Give, for example, {MIN_WEIGHT}.")
    weights = alignment.weights
    if not weights.size:
        return frozenset()
    most = weights.max(1)
    found = (most > 0) & (most >= min_weight)
    if alignment.source_end is not None:
        found &= most >= alignment.source_end
    best = weights.argmax(1).tolist()
    return frozenset((best[target], target) for target in np.flatnonzero(found).tolist())


def links_above(alignment: Alignment, threshold: float) -> Links:
    """Every link whose weight is at least the threshold, whatever else the unit looked at, the end mark included.

    Raises ValueError unless the threshold is above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(
            f"links_above: threshold is {threshold}; expected above 0 and at most 1. Give, for example, 0.3."
        )
    found = np.argwhere(alignment.weights >= threshold).tolist()
    return frozenset((source, target) for target, source in found)


def reverse(found: Iterable[tuple[int, int]]) -> Links:
    """The links seen from the other side; brings those of a model for the other direction into our order."""
    return frozenset((target, source) for source, target in found)
