"""Do the largest weights depend on the source, or only on the step? Two shares that tell.

    same      of the rows of a sentence, how many have their largest weight at the place that most of them share
    diagonal  how many have it at the place that follows from the number of the row alone

In a trained model of text both are low: where the weights are depends on the source. If attention was not learned,
`same` is high, often for the end mark. If the model counts steps, `diagonal` is high. Where both sides have the same
order, as in copies and often in letters and sounds, a high `diagonal` is right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST_UNITS = 4
"""Shorter sentences are not counted: with few places, both shares are high by chance."""
FLAT = 1e-3
"""A row whose largest and smallest weight differ by less than this is not counted: it prefers no place."""
SAME_LIMIT, DIAGONAL_LIMIT = 0.9, 0.9
LEAST_ROWS = 20
"""With fewer rows than this there is no result."""
SAME, DIAGONAL = "same_position", "diagonal"


@dataclass(frozen=True)
class Positions:
    """Where the largest weight of each row stands.

    Args:
        same: mean over sentences, 0 to 1: the share of rows whose largest weight is on the place that most rows of
            their sentence share.
        diagonal: the share of rows whose largest weight is on the diagonal: row t of T at place t of S, or at place
            ⌊(t + ½) S / T⌋; the larger of the two.
    """

    same: float
    diagonal: float

    @staticmethod
    def from_scores(scores: Mapping[str, float]) -> "Positions | None":
        """What `to_scores` gave; None where it is not among them."""
        if SAME not in scores or DIAGONAL not in scores:
            return None
        return Positions(scores[SAME] / 100, scores[DIAGONAL] / 100)

    def to_scores(self) -> dict[str, float]:
        """Both in per cent, by name."""
        return {SAME: 100 * self.same, DIAGONAL: 100 * self.diagonal}

    @property
    def warning(self) -> str | None:
        """What is suspicious about them, in one sentence; None where nothing is."""
        if self.same >= SAME_LIMIT:
            return (
                f"the weights stay on one position: {self.same:.0%} of the output looks at the same place of its "
                "source. The attention has learned nothing; train longer, or try another rate, score or seed."
            )
        if self.diagonal >= DIAGONAL_LIMIT:
            return (
                f"the weights stay on the diagonal: {self.diagonal:.0%} of the output looks where its place alone "
                "tells. That is right where both sides run in step, as in copies; else the attention has learned "
                "nothing from the words."
            )
        return None


class PositionCount:
    """Counts rows, sentence by sentence."""

    def __init__(self) -> None:
        self._same, self._sentences = 0.0, 0
        self._rows, self._at_step, self._at_share = 0, 0, 0

    def add(self, weights: Float[np.ndarray, "target source"]) -> None:
        """One sentence: a row for each unit that was written, without the end of the output.

        The end mark of the source, where it can be looked at, is the last place; a last place that no row looks at is
        taken for a hidden one. Short sentences are left out.
        """
        if weights.size and not weights[:, -1].any():
            weights = weights[:, :-1]
        rows, places = weights.shape
        if rows < LEAST_UNITS or places < LEAST_UNITS:
            return
        steps = np.flatnonzero(weights.max(1) - weights.min(1) >= FLAT)
        if len(steps) < LEAST_UNITS:
            return
        best = weights[steps].argmax(1)
        self._same += int(np.bincount(best).max()) / len(steps)
        self._sentences += 1
        self._rows += len(steps)
        self._at_step += int((best == steps).sum())
        self._at_share += int((best == (2 * steps + 1) * places // (2 * rows)).sum())

    def result(self) -> Positions | None:
        """What was counted; None where too few rows looked anywhere, as without attention or with uniform weights."""
        if self._rows < LEAST_ROWS:
            return None
        return Positions(self._same / self._sentences, max(self._at_step, self._at_share) / self._rows)


def positions(matrices: Iterable[np.ndarray]) -> Positions | None:
    """The same for several sentences at once."""
    count = PositionCount()
    for weights in matrices:
        count.add(weights)
    return count.result()
