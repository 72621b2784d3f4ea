"""Source units and target units, each with its place in the raw text, and the weights between them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Unit(NamedTuple):
    """A piece of what the user gave: a token, a word, a stretch of a recording.

    Args:
        text: what to write beside it.
        start, end: characters of the raw text (end exclusive); seconds for a recording.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Alignment:
    """The soft alignment behind one output. Every view takes this record and nothing else.

    Args:
        source_text, target_text: both sides as the user reads them.
        source, target: the units of each side, in order, without the end marks.
        weights: float32 (target, source); row t is what target unit t looked at. The end mark of the source
            is dropped, so a row may sum to less than one.
        score: natural logarithm of the probability of the output.
    """

    source_text: str
    target_text: str
    source: tuple[Unit, ...]
    target: tuple[Unit, ...]
    weights: np.ndarray
    score: float
