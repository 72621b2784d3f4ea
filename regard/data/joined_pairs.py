"""Pairs to learn from that are several pairs in a row, so that a model sees texts of every length."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from regard.data.example import Example
from regard.data.lines import BadLine, Line
from regard.data.scripts import UNSPACED

WORD = re.compile(rf"{UNSPACED}|(?:(?!{UNSPACED})\w)+|[^\w\s]")
"""Letters in a row; in a script without spaces each letter; and each mark of punctuation."""
_LETTERS, _UNSPACED = re.compile(r"\w"), re.compile(UNSPACED)
TOGETHER = 20_000
"""So many pairs are shuffled at a time, so that they need not all be in memory."""


@dataclass(frozen=True)
class Joining:
    """Joins pairs at random, both sides in the same order.

        "Tom sleeps."  "汤姆睡觉。"   and   "I read."  "我读书。"   become   "Tom sleeps. I read."  "汤姆睡觉。我读书。"

    Each joined pair first draws how many words its source may have, from 1 to `words`, all equally likely; then pairs
    are added as long as they fit. A pair that alone has more stays alone, and so do those that the share leaves out. So
    texts of all lengths up to `words` are seen, however short the pairs are, and no longer ones than before.

    Source: Kondo et al. 2021, "Sentence Concatenation Approach to Data Augmentation for Neural Machine Translation",
    arXiv:2104.08478, which joins two pairs each; Varis & Bojar 2021, "Sequence Length is a Domain", arXiv:2109.07276,
    which joins up to a length.

    Args:
        words: most words of a joined source, see `WORD`.
        share: how probable it is that another pair may follow a pair; others stay alone.
        rounds: how often all pairs are joined, each time others with each other. An epoch has all rounds.
        seed: of what is drawn.
    """

    words: int
    share: float
    rounds: int
    seed: int

    def __call__(self, records: Iterator[Line]) -> Iterator[Line]:
        """The joined pairs. Lines that are empty or cannot be used pass through.

        Each has the file and the line of its first pair.
        """
        waiting: list[Example] = []
        block = 0
        for record in records:
            if isinstance(record, BadLine) or not (record.source.strip() and record.target and record.target.strip()):
                yield record
                continue
            waiting.append(record)
            if len(waiting) == TOGETHER:
                yield from self._joined(waiting, block)
                waiting, block = [], block + 1
        yield from self._joined(waiting, block)

    def _joined(self, pairs: Sequence[Example], block: int) -> Iterator[Example]:
        counts = np.array([len(WORD.findall(pair.source)) for pair in pairs], np.int64)
        for number in range(self.rounds):
            generator = np.random.default_rng(np.random.SeedSequence([self.seed, block, number]))
            order = generator.permutation(len(pairs))
            for start, stop in self._groups(counts[order], generator):
                group = [pairs[place] for place in order[start:stop].tolist()]
                yield group[0] if len(group) == 1 else _one(group)

    def _groups(self, counts: np.ndarray, generator: np.random.Generator) -> Iterator[tuple[int, int]]:
        """From which pair to which one each joined pair goes."""
        ends, start = np.cumsum(counts), 0
        while start < len(counts):
            room = generator.integers(1, self.words + 1) if generator.random() < self.share else 0
            most = ends[start] - counts[start] + room
            stop = max(start + 1, int(np.searchsorted(ends, most, side="right")))
            yield start, stop
            start = stop


def joined(texts: Sequence[str]) -> tuple[str, list[int]]:
    """The texts in a row, with a space between two, but in scripts without spaces none; and where each begins."""
    whole, starts = texts[0], [0]
    for text in texts[1:]:
        beside = _LETTERS.findall(whole)[-1:] + _LETTERS.findall(text)[:1]
        whole += "" if any(map(_UNSPACED.match, beside)) else " "
        starts.append(len(whole))
        whole += text
    return whole, starts


def _one(group: Sequence[Example]) -> Example:
    source, _ = joined([pair.source for pair in group])
    target, _ = joined([pair.target or "" for pair in group])
    return Example(source, target, group[0].file, group[0].line, tuple(group))
