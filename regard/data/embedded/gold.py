"""The public record of the embedded corpus: a pair of raw texts, its words, and its gold alignment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regard.data.embedded.phrase import Phrase, Word

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


def render(phrase: Phrase) -> GoldPair:
    """Write a phrase out as a sentence: spaces and a capital in English, nothing between the words in Chinese."""
    source, source_spans = _write(_spaced(phrase.source))
    target, target_spans = _write((word.text, False) for word in phrase.target)
    sure, possible = _links(phrase)
    return GoldPair(source[0].upper() + source[1:], target, source_spans, target_spans, sure, possible)


def _spaced(words: Iterable[Word]) -> Iterator[tuple[str, bool]]:
    for position, word in enumerate(words):
        yield word.text, position > 0 and word.text not in CLOSING


def _write(words: Iterable[tuple[str, bool]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for text, space in words:
        start = length + space
        length = start + len(text)
        pieces.append(" " + text if space else text)
        spans.append((start, length))
    return "".join(pieces), tuple(spans)


def _links(phrase: Phrase) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
    surely: dict[int, list[int]] = {}
    perhaps: dict[int, list[int]] = {}
    for position, word in enumerate(phrase.source):
        for i in word.sure:
            surely.setdefault(i, []).append(position)
        for i in word.possible:
            perhaps.setdefault(i, []).append(position)
    sure: set[tuple[int, int]] = set()
    possible: set[tuple[int, int]] = set()
    for position, word in enumerate(phrase.target):
        for i in word.sure:
            sure.update((s, position) for s in surely.get(i, ()))
            possible.update((s, position) for s in perhaps.get(i, ()))
        for i in word.possible:
            possible.update((s, position) for s in (*surely.get(i, ()), *perhaps.get(i, ())))
    return frozenset(sure), frozenset(possible | sure)
