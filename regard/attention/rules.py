"""Combinations of entries that are refused, and entries with exceptions. Imports no torch."""

from typing import NamedTuple


class Refused(NamedTuple):
    """A combination that makes no sense, and why. None stands for every entry."""

    score: str | None
    select: str | None
    window: str | None
    reason: str


_ONE_POSITION = (
    "the selection ends with one position, and the Gaussian around the predicted position can only shrink "
    "its value, not move the choice"
)
_TWO_PATHS = (
    "monotonic alignment goes on from where the step before looked, and a window that moves by itself "
    "may leave that position outside, which ends the alignment for good"
)
REFUSED = (
    Refused(None, "hard", "local_p", _ONE_POSITION),
    Refused(None, "hard_argmax", "local_p", _ONE_POSITION),
    Refused(None, "gumbel_softmax", "local_p", _ONE_POSITION),
    Refused(None, "monotonic", "local_m", _TWO_PATHS),
    Refused(None, "monotonic", "local_p", _TWO_PATHS),
)

# Entries whose weights over the visible positions do not sum to one, and why.
NOT_NORMALIZED = {
    "monotonic": "what is left is the probability of running past the end of the source (Raffel 2017, section 2.3)",
    "local_p": "the Gaussian only takes away (Luong 2015, eq. 10)",
    "gated": "each gate opens by itself, so that the sum is anything up to the length",
}

# Entries that depend on positions, not only on content: permuting the source does not permute the weights.
POSITIONAL = frozenset({"location", "location_sensitive", "monotonic", "local_m", "local_p"})

# Scores that compare query and key feature by feature, so that both must have the same size.
SAME_SIZE = frozenset({"dot", "scaled_dot", "cosine"})

# Selections whose gradient is by definition not the derivative of their weights.
SURROGATE_GRADIENT = {
    "hard": "none through the choice; the objective uses log_prob (Xu 2015, eq. 11)",
    "hard_argmax": "straight-through: the gradient of softmax (Bengio 2013)",
}


def refusal(score: str, select: str, window: str) -> str | None:
    """Why the combination is refused; None if it is not."""
    for rule in REFUSED:
        if rule.score in (None, score) and rule.select in (None, select) and rule.window in (None, window):
            return rule.reason
    return None
