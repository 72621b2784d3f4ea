"""A source that can be copied: each of its tokens also has its number as a token of the target.

    size + k     the word at position k of this sentence, if the target vocabulary of `size` numbers does not have it

So a name that was never seen has a number: in the source, in the targets to learn from, and in what a search puts out.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int, Integer

from regard.data.edits import SentenceEdits
from regard.data.pieces import FIRST_BYTE, FIRST_PIECE
from regard.data.several import SeveralTexts
from regard.data.sources import Drawing, Source, Span
from regard.data.text import TextSource, with_end
from regard.data.tokenizer import Encoded, Spelled, Tokenizer
from regard.marks import END, UNKNOWN

if TYPE_CHECKING:
    from torch import nn

OWN = -1
"""Of a source token that the target vocabulary does not have."""
Values = Sequence[Any] | np.ndarray


class CopySource:
    """A text with two numbers for each token: its own, and its number as a target token.

    A token that the target vocabulary has too, with the same text, has the number that it has there. A byte is the
    same byte. Any other token has `size + k`, where k is the first position of this sentence with the same text. A tag
    of an inflection is no text, and has UNKNOWN. So has the end mark, which See et al. 2017 do not copy either: it
    stands behind the last word, and a model that copies word by word would stop there, whatever the ending.

    Of several texts the first is the one to copy from: what stands in the others has UNKNOWN.

    Args:
        source: the text, or several.
        target: the tokeniser of the targets; with a joint vocabulary that of the source.
        edits: whether a target is a script of edits over its source, see `data.edits`.

    Raises ValueError where one side is symbols and the other is not: a symbol stands between spaces, and no other token
    does.
    """

    kind = "text"
    has_end = True
    shape = (2,)

    def __init__(self, source: TextSource | SeveralTexts, target: Tokenizer, *, edits: bool = False) -> None:
        self.source, self.tokenizer, self.target, self.edits = source, source.tokenizer, target, edits
        self._first = next(iter(source.tokenizers.values())) if isinstance(source, SeveralTexts) else source.tokenizer
        kinds = self._first.kind, target.kind
        if (kinds[0] == "symbols") != (kinds[1] == "symbols"):
            raise ValueError(
                f"CopySource: the source is of {kinds[0]} and the target of {kinds[1]}; expected symbols on both sides "
                "or on neither, since a symbol is copied as a whole."
            )

    @property
    def digest(self) -> str:
        """It depends on both sides."""
        what = "edit" if self.edits else "copy"
        return hashlib.sha256(f"{what} {self.source.digest} {self.target.digest}".encode()).hexdigest()

    @property
    def dtype(self) -> "np.dtype[Any]":
        """There is a number for each position, behind those of the vocabulary."""
        return np.dtype(np.int32)

    def encode(self, source: str) -> Integer[np.ndarray, "tokens 2"]:
        """The token numbers of the text, and those as target tokens."""
        tokens = self.source.encode(source)
        numbers = self._as_targets[tokens] if tokens else np.zeros(0, np.int64)
        if isinstance(self.source, SeveralTexts):
            numbers[tokens.index(END) :] = UNKNOWN
        own = np.flatnonzero(numbers == OWN)
        if len(own):
            firsts: dict[str, int] = {}
            texts = self._texts(source, tokens)
            numbers[own] = [self.target.size + firsts.setdefault(texts[place], place) for place in own.tolist()]
        return np.stack([np.asarray(tokens, self.dtype), numbers.astype(self.dtype)], 1)

    def collate(
        self, values: Integer[np.ndarray, "tokens 2"], lengths: Int[np.ndarray, " rows"]
    ) -> tuple[Int[np.ndarray, "rows width 2"], Bool[np.ndarray, "rows width"]]:
        """Both numbers, each text with its end mark, which has UNKNOWN as a target token: the end of an output is
        generated, never copied."""
        tokens, mask = with_end(values[:, 0], lengths)
        numbers, _ = with_end(values[:, 1], lengths)
        return np.stack([tokens, np.where(numbers == END, UNKNOWN, numbers)], -1), mask

    def embed(self, size: int) -> "nn.Embedding":
        """Token numbers → vectors; the model lets it read the first number of each position."""
        return self.source.embed(size)

    def spans(self, source: str, values: Values, memory: np.ndarray) -> Sequence[Span]:
        """The characters that each position of the memory covers."""
        return self.source.spans(source, np.asarray(values)[:, 0].tolist(), memory)

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The text, and the part of it at each span."""
        return self.source.draw(source, spans)

    def save(self, path: Path) -> None:
        """Write the tokeniser."""
        self.source.save(path)

    def target_of(self, source: str, values: Values) -> "SentenceTokens | SentenceEdits":
        """The vocabulary of the target of one sentence; the arguments are the argument and the result of `encode`."""
        pairs = np.asarray(values).reshape(-1, 2)
        if not self.edits:
            return self._letters(source, pairs)
        tokens = pairs[:, 0].tolist()
        end = tokens.index(END) if isinstance(self.source, SeveralTexts) else len(tokens)
        numbers = np.where(pairs[:end, 1] == UNKNOWN, OWN, pairs[:end, 1])
        return SentenceEdits(self._letters(source, pairs), numbers.tolist())

    def _letters(self, source: str, pairs: np.ndarray) -> "SentenceTokens":
        """The target vocabulary with the words of this source."""
        beyond = np.flatnonzero(pairs[:, 1] >= self.target.size)
        if not len(beyond):
            return SentenceTokens(self.target, {})
        texts = self._texts(source, pairs[:, 0].tolist())
        return SentenceTokens(self.target, {int(pairs[place, 1]): texts[place] for place in beyond.tolist()})

    def _texts(self, source: str, tokens: Sequence[int]) -> list[str]:
        places = np.arange(len(tokens))
        spans = self.source.spans(source, tokens, np.stack([places, places + 1], 1))
        return [source[int(start) : int(end)] for start, end in spans]

    @cached_property
    def _as_targets(self) -> Int[np.ndarray, " source_vocabulary"]:
        """The target number of each source token, OWN for one that the vocabulary does not have."""
        size, kind = self.tokenizer.size, self._first.kind
        found = np.full(size, UNKNOWN)
        found[:FIRST_BYTE] = np.arange(FIRST_BYTE)
        if kind == "symbols":
            found[UNKNOWN] = OWN  # it can be written all the same
        else:
            found[FIRST_BYTE:FIRST_PIECE] = np.arange(FIRST_BYTE, FIRST_PIECE)
        there = {text: number for number, text in enumerate(self.target.texts) if text is not None}
        for number, text in enumerate(self._first.texts):
            if text is not None:
                found[number] = there.get(text, OWN)
        return found


@dataclass(frozen=True)
class SentenceTokens:
    """The target vocabulary of one sentence: that of the tokeniser, and the words of its source that this lacks.

    Args:
        tokenizer: of the target.
        own: the text of each number from `tokenizer.size` on.
    """

    tokenizer: Tokenizer
    own: Mapping[int, str]

    def encode(self, text: str) -> Encoded:
        """The token numbers of a target: what the tokeniser cannot write in one piece, an unknown symbol or a character
        of several bytes, has the number of the source word with the same text, if there is one."""
        encoded = self.tokenizer.encode(text)
        if not self.own:
            return encoded
        numbers, ids, spans = {word: number for number, word in self.own.items()}, list[int](), list[tuple[int, int]]()
        pairs = zip(encoded.ids, encoded.spans, strict=True)
        for (start, end), run in groupby(pairs, lambda pair: pair[1]):
            tokens = [token for token, _ in run]
            known = numbers.get(text[start:end]) if self._unwritten(tokens) else None
            ids += tokens if known is None else [known]
            spans += [(start, end)] * (len(tokens) if known is None else 1)
        return Encoded(ids, spans)

    def ids(self, text: str) -> list[int]:
        """The token numbers of a target without their spans."""
        found = self.tokenizer.ids(text)
        return self.encode(text).ids if self.own and self._unwritten(found, any) else found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token numbers."""
        return self.spell(ids).text if self._beyond(ids) else self.tokenizer.decode(ids)

    def spell(self, ids: Sequence[int]) -> Spelled:
        """The text of token numbers, and the characters of it that each number covers."""
        if not self._beyond(ids):
            return self.tokenizer.spell(ids)
        between = " " if self.tokenizer.unspelt is None else ""
        text, spans = "", list[tuple[int, int]]()
        for part in self._parts(ids):
            if text and part.text:
                text += between
            spans += [(start + len(text), end + len(text)) for start, end in part.spans]
            text += part.text
        return Spelled(text, spans)

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The name to show for each number."""
        return [self.own[number] if number in self.own else self.tokenizer.tokens([number])[0] for number in ids]

    def _parts(self, ids: Sequence[int]) -> Iterator[Spelled]:
        """The words of the source, and what stands between them."""
        for own, run in groupby(ids, self.own.__contains__):
            numbers = list(run)
            if own:
                yield from (Spelled(self.own[each], [(0, len(self.own[each]))]) for each in numbers)
            else:
                yield self.tokenizer.spell(numbers)

    def _beyond(self, ids: Sequence[int]) -> bool:
        return bool(self.own) and max(ids, default=0) >= self.tokenizer.size

    def _unwritten(self, tokens: Sequence[int], some: Any = all) -> bool:
        """Whether all of these tokens, or some, are unknown symbols or bytes."""
        first = FIRST_BYTE if self.tokenizer.kind == "symbols" else FIRST_PIECE
        return bool(some(UNKNOWN <= token < first for token in tokens))


def copied_from(source: Source, target: Tokenizer, *, edits: bool = False) -> Source:
    """The source, as one that can be copied, or edited. Raises ValueError for one that is no text."""
    plain = not_copied(source)
    if not isinstance(plain, TextSource | SeveralTexts):
        raise ValueError(
            f"copied_from: the source is of kind {source.kind!r}; expected a text, whose words can be copied."
        )
    return CopySource(plain, target, edits=edits)


def not_copied(source: Source) -> Source:
    """The source without the numbers as target tokens."""
    return source.source if isinstance(source, CopySource) else source


def target_ids(source: Source, target: Tokenizer) -> Callable[[str, str], Sequence[int]]:
    """What gives the token numbers of a target: of the text of its source, and its own."""

    def ids(text: str, wanted: str) -> Sequence[int]:
        tokens = source.target_of(text, source.encode(text)) if isinstance(source, CopySource) else target
        return tokens.ids(wanted)

    return ids
