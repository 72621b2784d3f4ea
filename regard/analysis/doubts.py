"""What speaks against the weights behind the links of given pairs, measured on these pairs, without gold."""

from regard.alignment.verdict import Agreement, MeasureCount, verdict
from regard.analysis.align import Aligned

OF = "that were aligned"


class Doubts:
    """Measures the weights of each direction, and how much both agree, pair by pair."""

    def __init__(self) -> None:
        self._counts: list[MeasureCount] = []
        self._stored: list[str | None] = []
        self._agreement = Agreement()

    def add(self, found: Aligned) -> None:
        """One more pair."""
        if not self._counts:
            self._counts = [MeasureCount() for _ in found.directions]
            self._stored = [one.alignment.warning for one in found.directions]
        for count, one in zip(self._counts, found.directions, strict=True):
            count.add_alignment(one.alignment)
        if len(found.directions) == 2:
            self._agreement.add(*(one.links for one in found.directions))

    def warnings(self) -> list[str]:
        """A sentence for each direction against which something speaks, and one for both together.

        Where these pairs say nothing against a direction, or are too few, what its validation said is repeated.
        """
        each = [verdict(count.result(), OF) or old for count, old in zip(self._counts, self._stored, strict=True)]
        named = zip(("", "--reverse: "), each, strict=False)
        against = [f"{name}{sentence}" for name, sentence in named if sentence]
        together = self._agreement.verdict(OF)
        return against + ([together] if together else [])
