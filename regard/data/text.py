"""A source that is a text: token numbers of a vocabulary, followed by an end mark."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Bool, Int, Integer

from regard.data.sentences import sentence_spans
from regard.data.sources import Drawing, Span, joined
from regard.data.tokenizer import Tokenizer
from regard.data.turns import Turns
from regard.marks import END, PAD

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Vocabulary:
    """The part of a text source that a model needs: the number of entries in its vocabulary."""

    size: int
    has_end: bool = True

    def embed(self, size: int) -> "nn.Embedding":
        """Token numbers → vectors."""
        from torch import nn

        return nn.Embedding(self.size, size)


class TextSource:
    """A text, split into tokens.

    Args:
        tokenizer: text → token numbers and back.
        sentences: how sentences are known, see `sentence_spans`. Then each is split into tokens by itself, and every
            one but the last is followed by an end mark: behind the last stands that of the text. None: a text is one.
        turns: how texts are cut that are histories of a dialogue; None for other texts.
    """

    kind = "text"
    has_end = True
    shape = ()

    def __init__(self, tokenizer: Tokenizer, sentences: str | None = None, turns: Turns | None = None) -> None:
        self.tokenizer = tokenizer
        self.sentences = sentences
        self.turns = turns

    @property
    def digest(self) -> str:
        """The digest of the tokeniser, how sentences are known, and how texts are cut."""
        ways = [str(way) for way in (self.sentences, self.turns) if way is not None]
        return " ".join([self.tokenizer.digest, *ways])

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The smallest type for every token number."""
        return narrowest(self.tokenizer.size)

    def encode(self, source: str) -> list[int]:
        """The token numbers of the text."""
        return self._ids(source if self.turns is None else source[self._start(source) :])

    def _start(self, source: str) -> int:
        """The first character that is read."""
        return 0 if self.turns is None else self.turns.start(source, lambda text: len(self._ids(text)))

    def _ids(self, text: str) -> list[int]:
        """The token numbers of all of a text."""
        if self.sentences is None:
            return self.tokenizer.ids(text)
        ids: list[int] = []
        for start, end in sentence_spans(text, self.sentences):
            ids += [END] * bool(ids) + self.tokenizer.ids(text[start:end])
        return ids

    def collate(
        self, values: Integer[np.ndarray, " tokens"], lengths: Int[np.ndarray, " rows"]
    ) -> tuple[Int[np.ndarray, "rows width"], Bool[np.ndarray, "rows width"]]:
        """Token numbers, each text with its end mark."""
        return with_end(values, lengths)

    def embed(self, size: int) -> "nn.Embedding":
        """Token numbers → vectors."""
        return Vocabulary(self.tokenizer.size).embed(size)

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """The characters that each position of the memory covers."""
        ids, start = cast(Sequence[int], values), self._start(source)
        text = source[start:] if start else source
        spans = self.tokenizer.spans(text, ids) if self.sentences is None else self._each_spans(text, ids)
        return joined([(first + start, last + start) for first, last in spans] if start else spans, memory)

    def _each_spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters that each token number covers, sentence by sentence; an end mark covers none."""
        found: list[tuple[int, int]] = []
        for first, last in sentence_spans(text, self.sentences or ""):
            if found:
                found.append((found[-1][1], found[-1][1]))
            own = list(takewhile(lambda number: number != END, ids[len(found) :]))
            spans = self.tokenizer.spans(text[first:last], own)
            found += [(first + start, first + end) for start, end in spans]
        return found

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The text, and the part of it at each span."""
        return Drawing(source, tuple([written(source, int(start), int(end)) for start, end in spans]))

    def save(self, path: Path) -> None:
        """Write the tokeniser."""
        self.tokenizer.save(path)


def written(text: str, start: int, end: int) -> str:
    """The part of a text from `start` to `end`, without white space around it unless it is only white space."""
    part = text[start:end]
    return part.strip() or part


def with_end(
    tokens: Integer[np.ndarray, " tokens"], lengths: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, "rows width"], Bool[np.ndarray, "rows width"]]:
    """Concatenated texts as a padded array with an end mark after each text, and its mask. No loop over rows."""
    places = np.arange(int(lengths.max(initial=0)) + 1)
    padded = np.full((len(lengths), len(places)), PAD, np.int64)
    padded[places < lengths[:, None]] = tokens
    padded[np.arange(len(lengths)), lengths] = END
    return padded, places <= lengths[:, None]


def narrowest(size: int) -> "np.dtype[Any]":
    """The smallest integer type for numbers below `size`."""
    return np.dtype(np.uint16 if size <= 2**16 else np.int32)
