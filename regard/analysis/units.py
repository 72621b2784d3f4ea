"""Which weights are called links."""

from regard.alignment.alignment import Alignment
from regard.alignment.linking import MIN_WEIGHT, Links, links, links_above


def linked(alignment: Alignment, threshold: float | None, min_weight: float | None = None) -> Links:
    """The links: for each target unit where it looked most, from `min_weight` on; or all from the threshold on."""
    if threshold is not None:
        return links_above(alignment, threshold)
    return links(alignment, MIN_WEIGHT if min_weight is None else min_weight)
