"""The public record of the embedded corpus: a pair of raw texts, its words, and its gold alignment."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from regard.data.embedded.phrase import Reading

CLOSING = frozenset([".", ",", "?", "'s"])  # English words written without a space before them


@dataclass(frozen=True)
class GoldPair:
    """A sentence, its translation, and which word translates which.

    Spans are (start, end) character offsets of the words in the raw text; Chinese is written without spaces, and its
    words are those of the grammar. Links are (source word, target word), both 0-based; `sure` is a part of `possible`
    (Och & Ney, Computational Linguistics 29(1), 2003).
    """

    source: str
    target: str
    source_spans: tuple[tuple[int, int], ...]
    target_spans: tuple[tuple[int, int], ...]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]

    def words(self) -> tuple[list[str], list[str]]:
        """The words of the source and of the target, which the links count."""
        return [self.source[start:end] for start, end in self.source_spans], [
            self.target[start:end] for start, end in self.target_spans
        ]

    def pharaoh(self) -> str:
        """The alignment as one line: `0-0` is a sure link, `1p2` a possible one."""
        return " ".join(f"{s}{'-' if (s, t) in self.sure else 'p'}{t}" for s, t in sorted(self.possible))


def write_pair(reading: Reading) -> GoldPair:
    """Write a sentence out: spaces and a capital in English, nothing between the words in Chinese."""
    first, *others = reading.source
    source = [first[0].upper() + first[1:], *(text if text in CLOSING else " " + text for text in others)]
    spans = _spans(source)
    source_spans = (spans[0], *((end - len(text), end) for (_, end), text in zip(spans[1:], others, strict=True)))
    target = reading.target
    return GoldPair("".join(source), "".join(target), source_spans, _spans(target), reading.sure, reading.possible)


def _spans(pieces: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple(pairwise(accumulate(map(len, pieces), initial=0)))
