"""Alignments that people made, against those of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regard.alignment.error_rate import AlignmentErrors, alignment_errors
from regard.alignment.linking import Gold, Links
from regard.alignment.pharaoh import parse_gold
from regard.analysis.align import Aligned
from regard.analysis.words import Segmentation, segmentation
from regard.data.lines import BadLine, Line, opened, shown, texts
from regard.errors import DataError


class Judge:
    """Compares alignments with the gold ones of a file: 0-0 is sure, 1p2 possible; from 0, source first.

    Args:
        path: one line for each pair. Raises DataError for a line that is none, or another number of them.
        pairs: how many pairs there are.
        first: the line of the first of them; 2 behind the names of columns.
    """

    def __init__(self, path: str, pairs: int, first: int = 1) -> None:
        self.path, self._first = path, first
        self._gold = _read(path)
        self._pairs: list[tuple[Links, Gold]] = []
        if len(self._gold) != pairs:
            raise DataError(
                f"{path} has {len(self._gold)} lines, and there are {pairs} pairs. Give one line for each pair."
            )

    def add(self, found: Sequence[Aligned]) -> None:
        """More pairs. Raises DataError where gold counts other units than the alignment."""
        for one in found:
            gold, line = self._gold[one.example.line - self._first], one.example.line
            sources, targets = len(one.alignment.source), len(one.alignment.target)
            outside = [link for link in gold.possible if link[0] >= sources or link[1] >= targets]
            if outside:
                raise DataError(
                    f"{self.path}, line {line}: links {outside[0][0]} with {outside[0][1]}, but the pair has {sources} "
                    f"and {targets} words, counted from 0. Give pairs with white space between the words that the gold "
                    "file counts, which --join hides from the model; or such a copy of the pairs as --words."
                )
            self._pairs.append((one.links, gold))

    def errors(self) -> AlignmentErrors:
        """The errors over all pairs so far."""
        return alignment_errors([links for links, _ in self._pairs], [gold for _, gold in self._pairs])

    def verdict(self) -> str:
        """The rates in one line."""
        errors = self.errors()
        return (
            f"alignment error {100 * errors.error_rate:.2f} %, precision {100 * errors.precision:.2f} %, "
            f"recall {100 * errors.recall:.2f} % ({len(self._pairs)} pairs, {errors.found} links, {errors.sure} sure)"
        )


@dataclass(frozen=True)
class JudgedPairs:
    """Given pairs with what is said of their words.

    Args:
        lines: the pairs; all at once where their number had to be known.
        segment: where the words are, and what of the pairs the model is to see.
        judge: compares with the gold alignment, where there is one.
    """

    lines: Iterable[Line]
    segment: Segmentation
    judge: Judge | None


def judged_pairs(
    lines: Iterable[Line], join: str = "none", words: Sequence[str] | None = None, gold: str | None = None
) -> JudgedPairs:
    """The pairs with the files of words and of gold links. Raises UsageError and DataError where these do not fit."""
    pairs, first = 0, 1
    if gold or words:
        lines = list(lines)
        pairs, first = len(lines), lines[0].line if lines else 1
    judge = Judge(gold, pairs, first) if gold else None
    return JudgedPairs(lines, segmentation(join, words, pairs, first), judge)


def _read(path: str) -> list[Gold]:
    gold: list[Gold] = []
    with opened(path) as stream:
        for number, line in enumerate(texts(stream, shown(path)), 1):
            if isinstance(line, BadLine):
                raise DataError(f"{line}. Correct it.")
            gold.append(parse_gold(line, shown(path), number))
    return gold
