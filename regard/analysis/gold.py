"""Compares alignments of a model with alignments that people made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regard.alignment.error_rate import AlignmentErrors, alignment_errors
from regard.alignment.linking import Gold, Links
from regard.alignment.pharaoh import parse_gold
from regard.analysis.align import Aligned
from regard.analysis.words import Segmentation, segmentation
from regard.data.example import Example
from regard.data.lines import BadLine, Line, opened, shown, texts
from regard.errors import DataError, UsageError


class Judge:
    """Compares alignments with the gold ones of a file: 0-0 is sure, 1p2 possible; source first.

    Args:
        path: one line for each pair. Raises DataError for a line that is none, or another number of them.
        pairs: how many pairs there are.
        counts_from: the number of the first word in the gold file, 0 or 1.
        first: the line of the first pair; 2 after a line of column names.
    """

    def __init__(self, path: str, pairs: int, counts_from: int = 0, first: int = 1) -> None:
        self.path, self.counts_from, self._first = path, counts_from, first
        self._gold = _read(path, counts_from)
        self._pairs: list[tuple[Links, Gold]] = []
        if len(self._gold) != pairs:
            raise DataError(
                f"{path} has {len(self._gold)} lines, and there are {pairs} pairs. Give one line for each pair."
            )

    def check(self, line: int, sources: int, targets: int) -> None:
        """Raises DataError where the gold of this line, counted from 1, names words that a pair with so many lacks."""
        gold, first = self._gold[line - self._first], self.counts_from
        outside = [link for link in sorted(gold.possible) if link[0] >= sources or link[1] >= targets]
        if not outside:
            return
        advice = (
            "Give pairs with white space between the words that the gold file counts, which --join hides from the "
            "model; or such a copy of the pairs as --words."
        )
        if not first and all(min(link) > 0 for each in self._gold for link in each.possible):
            advice = f"No link of the file has a 0, so it may count from 1: then give --gold-from 1. Else: {advice}"
        number = line - self._first + 1
        raise DataError(
            f"{self.path}, line {number}: links {outside[0][0] + first} with {outside[0][1] + first}, but the pair has "
            f"{sources} and {targets} words, counted from {first}. {advice}"
        )

    def add(self, found: Sequence[Aligned]) -> None:
        """More pairs. Raises DataError where gold counts other units than the alignment."""
        for one in found:
            self.check(one.example.line, len(one.alignment.source), len(one.alignment.target))
            self._pairs.append((one.links, self._gold[one.example.line - self._first]))

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
    """Given pairs, with their words and gold links.

    Args:
        lines: the pairs; a list if their number had to be known.
        segment: gives the words of a pair, and the text that the model reads.
        judge: compares with the gold alignment, if there is one.
    """

    lines: Iterable[Line]
    segment: Segmentation
    judge: Judge | None


def judged_pairs(
    lines: Iterable[Line],
    join: str = "none",
    words: Sequence[str] | None = None,
    gold: str | None = None,
    gold_from: int = 0,
    units: str = "words",
) -> JudgedPairs:
    """The pairs with the files of words and of gold links, which count from `gold_from`.

    Raises UsageError and DataError if these do not fit; before any work if the units are words.
    """
    if gold_from and not gold:
        raise UsageError("--gold-from says how --gold counts, and there is none. Give --gold, or leave it out.")
    pairs, first = 0, 1
    if gold or words:
        lines = list(lines)
        pairs, first = len(lines), lines[0].line if lines else 1
    judge = Judge(gold, pairs, gold_from, first) if gold else None
    segment = segmentation(join, words, pairs, first)
    if judge and units == "words":  # their number is known before any work; that of others only behind it
        for line in lines:
            if isinstance(line, Example):
                (_, sources), (_, targets) = segment(line)
                judge.check(line.line, len(sources), len(targets))
    return JudgedPairs(lines, segment, judge)


def _read(path: str, first: int) -> list[Gold]:
    gold: list[Gold] = []
    with opened(path) as stream:
        for number, line in enumerate(texts(stream, shown(path)), 1):
            if isinstance(line, BadLine):
                raise DataError(f"{line}. Correct it.")
            gold.append(parse_gold(line, shown(path), number, one_based=first == 1))
    return gold
