"""What a command aligns, and which weights it calls links."""

from regard.alignment.alignment import Alignment
from regard.alignment.linking import MIN_WEIGHT, Links, links, links_above
from regard.alignment.shown import UNITS
from regard.cli.choices import choose
from regard.errors import UsageError


def check_linking(units: str, threshold: float | None = None, min_weight: float | None = None) -> None:
    """Raises UsageError unless these can be had."""
    choose("--units", units, UNITS)
    if threshold is not None and not 0 < threshold <= 1:
        raise UsageError(f"--threshold is {threshold}; expected above 0 and at most 1, for example 0.3.")
    if min_weight is not None and not 0 <= min_weight <= 1:
        raise UsageError(f"--min-weight is {min_weight}; expected from 0 to 1, for example {MIN_WEIGHT}.")
    if threshold is not None and min_weight is not None:
        raise UsageError(
            "--threshold links all from a weight on, --min-weight is the floor of one link a unit. Leave one out."
        )


def linked(alignment: Alignment, threshold: float | None, min_weight: float | None = None) -> Links:
    """The links: for each target unit where it looked most, from `min_weight` on; or all from the threshold on."""
    if threshold is not None:
        return links_above(alignment, threshold)
    return links(alignment, MIN_WEIGHT if min_weight is None else min_weight)
