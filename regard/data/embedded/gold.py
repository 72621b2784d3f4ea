"""The public record of the embedded corpus: a pair of raw texts, its words, and its gold alignment."""

from collections.abc import Sequence
from dataclasses import dataclass

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

    def pharaoh(self) -> str:
        """The alignment as one line: `0-0` is a sure link, `1p2` a possible one."""
        return " ".join(f"{s}{'-' if (s, t) in self.sure else 'p'}{t}" for s, t in sorted(self.possible))


def write_pair(reading: Reading) -> GoldPair:
    """Write a sentence out: spaces and a capital in English, nothing between the words in Chinese."""
    source, source_spans = _write([text if text in CLOSING else " " + text for text in reading.source])
    target, target_spans = _write(reading.target)
    return GoldPair(source, target, source_spans, target_spans, reading.sure, reading.possible)


def _write(pieces: Sequence[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    text = "".join(pieces)
    skipped = text.startswith(" ")
    spans = []
    end = -skipped
    for piece in pieces:
        end += len(piece)
        spans.append((end - len(piece.lstrip()), end))
    return text[skipped].upper() + text[skipped + 1 :], tuple(spans)
