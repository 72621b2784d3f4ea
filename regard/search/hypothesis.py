"""One answer of a search, with its attention weights."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hypothesis:
    """A finished (or cut) output.

    Args:
        tokens: token numbers, the end mark included where the search reached it.
        log_prob: natural logarithm of the probability of `tokens` under the model.
        score: what the search ranked by: `log_prob` with its length normalisation and penalties.
        weights: row t is what the decoder attended to when it produced token t; float32 (target, source).
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    weights: np.ndarray
