"""How far found alignments are from gold ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.alignment.linking import Gold, Links


@dataclass(frozen=True, slots=True)
class AlignmentErrors:
    """Counts over a corpus, and the rates that follow from them. A rate of nothing (0 of 0) is free of error.

        precision = |A ∩ P| / |A|        recall = |A ∩ S| / |S|
        AER       = 1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|)

    Source: Och & Ney 2003, section 5.1. A: found, S: sure, P: possible, S within P. All rates are fractions.

    Args:
        found: |A|.
        sure: |S|.
        found_sure: |A ∩ S|.
        found_possible: |A ∩ P|.
    """

    found: int
    sure: int
    found_sure: int
    found_possible: int

    @property
    def precision(self) -> float:
        """How many of the found links are possible."""
        return self.found_possible / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """How many of the sure links are found."""
        return self.found_sure / self.sure if self.sure else 1.0

    @property
    def error_rate(self) -> float:
        """AER: 0 when all that is sure is found and all that is found is possible."""
        every = self.found + self.sure
        return 1.0 - (self.found_sure + self.found_possible) / every if every else 0.0


def alignment_errors(found: Sequence[Links], gold: Sequence[Gold]) -> AlignmentErrors:
    """The errors over a corpus: counts are summed over the pairs, then divided once.

    Sure links count as possible whether `gold` repeats them there or not. Raises ValueError for unequal lengths.
    """
    if len(found) != len(gold):
        raise ValueError(
            f"alignment_errors: found has {len(found)} entries and gold has {len(gold)}; expected the same number. "
            "Give the gold alignment of each pair, empty where there is none."
        )
    pairs = list(zip(found, gold, strict=True))
    return AlignmentErrors(
        found=sum(len(links) for links, _ in pairs),
        sure=sum(len(right.sure) for _, right in pairs),
        found_sure=sum(len(links & right.sure) for links, right in pairs),
        found_possible=sum(len(links & (right.possible | right.sure)) for links, right in pairs),
    )
