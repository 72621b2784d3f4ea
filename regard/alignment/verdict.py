"""Do weights say anything of the source? Measures that need no gold links, and a verdict from them, one sentence.

    same      of all rows, how many have their largest weight at the position that most rows of their sentence share
    last      how much of the weight is on the last position of the source, the end mark aside
    end       how much of it is on the end mark
    entropy   mean entropy of a row, over the largest that is possible
    diagonal  how many rows have their largest weight at the position that follows from the number of the row alone
    still     how many have it where they had it before, once the source is moved by one position
    agreement of two directions, how much their links have in common

Low `same`, `last`, `end` and `entropy` do not mean that the links are right: they only rule out what explains nothing.
A high `diagonal` is right where both sides have the same order, as in copies, and often in letters and sounds: it gives
no verdict. `still` tells weights that follow the words, wherever these stand, from weights that count positions.

What the thresholds are taken from: docs/training.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

import numpy as np
from jaxtyping import Float, Int

from regard.alignment.alignment import Alignment
from regard.alignment.linking import Links
from regard.alignment.table import MEASURES

LEAST_UNITS = 4
"""Shorter sentences are not counted: with few positions, every share is high by chance."""
LEAST_ROWS = 20
"""With fewer rows than this there is no result."""
FLAT = 1e-3
"""A row whose largest and smallest weight differ by less than this prefers no position."""
EVEN, SAME, STILL, APART = 0.9, 0.55, 0.7, 0.2
"""Entropy, `same` and `still` from which on, and agreement up to which, there is a verdict."""
MOSTLY = 0.5
"""With this share of all weight, a position is named."""


@dataclass(frozen=True)
class Measures:
    """What was measured, shares from 0 to 1.

    Args:
        pairs: how many sentences were counted.
        same_position: share of rows, see `same` above; rows that prefer no position have none.
        last_position, end_mark: share of all weight.
        entropy: -Σ w log w / log(positions), the mean over rows; 0 for one position, 1 where all are equal.
        diagonal: share of rows whose largest weight is on the diagonal: row t of T at position t of S, or at
            ⌊(t + ½) S / T⌋; the larger of the two.
        still: share of rows; None where it was not measured.
    """

    pairs: int
    same_position: float
    last_position: float
    end_mark: float
    entropy: float
    diagonal: float
    still: float | None = None

    @staticmethod
    def from_scores(scores: Mapping[str, float]) -> "Measures | None":
        """What `to_scores` gave; None where some of it is missing, as in a run of an older version."""
        found = {name: value for name in MEASURES if isinstance(value := scores.get(name), int | float)}
        if not found.keys() >= {*MEASURES} - {"still"}:
            return None
        shares = [found[name] / 100 if name in found else None for name in MEASURES[1:]]
        return Measures(round(found[MEASURES[0]]), *shares)  # type: ignore[arg-type]

    def to_scores(self) -> dict[str, float]:
        """All that was measured by the names of `MEASURES`, shares in per cent."""
        pairs, *shares = astuple(self)
        known = {name: 100 * share for name, share in zip(MEASURES[1:], shares, strict=True) if share is not None}
        return {MEASURES[0]: float(pairs)} | known


class MeasureCount:
    """Counts rows, sentence by sentence."""

    def __init__(self) -> None:
        self._pairs, self._rows, self._same, self._at_step, self._at_share = 0, 0, 0, 0, 0
        self._last, self._end, self._entropy = 0.0, 0.0, 0.0
        self._moved, self._still = 0, 0

    def add(self, weights: Float[np.ndarray, "target source"], end: bool = False) -> None:
        """One sentence: a row for each unit that was written, without the end of the output.

        With `end`, the last column is that of the end mark of the source. Short sentences are left out, and rows
        without any weight.
        """
        rows, columns = weights.shape
        positions = columns - end
        if rows < LEAST_UNITS or positions < LEAST_UNITS:
            return
        looking = np.flatnonzero(weights.sum(1) > 0)
        if len(looking) < LEAST_UNITS:
            return
        shares = weights[looking] / weights[looking].sum(1, keepdims=True, dtype=np.float64)
        self._pairs += 1
        self._rows += len(looking)
        self._last += float(shares[:, positions - 1].sum())
        self._end += float(shares[:, -1].sum()) if end else 0.0
        logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
        self._entropy += float(-(shares * logs).sum() / np.log(columns))
        steps = looking[prefers(weights[looking])]
        best = weights[steps].argmax(1)
        self._same += int(np.bincount(best, minlength=1).max())
        self._at_step += int((best == steps).sum())
        self._at_share += int((best == (2 * steps + 1) * positions // (2 * rows)).sum())

    def add_alignment(self, alignment: Alignment) -> None:
        """The same of an alignment."""
        end = alignment.source_end
        self.add(
            alignment.weights if end is None else np.concatenate([alignment.weights, end[:, None]], 1), end is not None
        )

    def add_moved(self, before: Int[np.ndarray, " rows"], after: Int[np.ndarray, " rows"]) -> None:
        """Of some rows where the largest weight was, and where it is with the source moved by one position."""
        self._moved += len(before)
        self._still += int((before == after).sum())

    def result(self) -> Measures | None:
        """What was counted; None where too few rows looked anywhere, as without attention."""
        rows = self._rows
        if rows < LEAST_ROWS:
            return None
        return Measures(
            self._pairs,
            self._same / rows,
            self._last / rows,
            self._end / rows,
            self._entropy / rows,
            max(self._at_step, self._at_share) / rows,
            self._still / self._moved if self._moved >= LEAST_ROWS else None,
        )


def prefers(weights: Float[np.ndarray, "rows source"]) -> np.ndarray:
    """Which rows have a largest weight."""
    chosen: np.ndarray = weights.max(1) - weights.min(1) >= FLAT
    return chosen


def measured(alignments: Iterable[Alignment]) -> Measures | None:
    """The measures of some alignments; None of too few."""
    count = MeasureCount()
    for each in alignments:
        count.add_alignment(each)
    return count.result()


class Agreement:
    """How much the links of two directions have in common: 2 |A ∩ B| / (|A| + |B|) over all pairs, from 0 to 1."""

    def __init__(self) -> None:
        self._both, self._each, self._pairs = 0, 0, 0

    def add(self, one: Links, other: Links) -> None:
        """One more pair; both source first."""
        self._both += len(one & other)
        self._each += len(one) + len(other)
        self._pairs += 1

    def result(self) -> float | None:
        """What was counted; None where there are too few links."""
        return 2 * self._both / self._each if self._each >= 2 * LEAST_ROWS else None

    def verdict(self, of: str) -> str | None:
        """As `verdict`, of this measure."""
        found = self.result()
        if found is None or found > APART:
            return None
        return (
            f"the two directions have {found:.0%} of their links in common: most links are wrong in one of them at "
            f"least (measured on {self._pairs:,} pairs {of})"
        )


def verdict(found: Measures | None, of: str) -> str | None:
    """What the weights do instead of explaining, in one sentence; None where nothing speaks against them.

    Args:
        found: the measures; None for none.
        of: the pairs that they are of: "of validation".
    """
    if found is None:
        return None
    on = f"(measured on {found.pairs:,} pairs {of})"
    if found.entropy >= EVEN:
        return (
            f"the weights are nearly the same at every position, with {found.entropy:.0%} of the largest possible "
            f"entropy: they explain nothing {on}"
        )
    if found.same_position >= SAME:
        which = "one and the same position of its source"
        if found.end_mark >= MOSTLY:
            which = "the end mark of its source"
        elif found.last_position >= MOSTLY:
            which = "the last position of its source"
        return f"{found.same_position:.0%} of the output looks at {which}: the weights explain nothing {on}"
    if found.still is not None and found.still >= STILL:
        return (
            f"the weights count positions: with the words of the source moved by one, {found.still:.0%} of the output "
            f"looks at the same position as before. They tell the order, and nothing of the words {on}"
        )
    return None


def stored_verdict(scores: Mapping[str, float]) -> str | None:
    """The verdict from the scores of a validation; None of a run of an older version too."""
    return verdict(Measures.from_scores(scores), "of validation")
