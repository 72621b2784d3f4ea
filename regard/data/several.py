"""A source of several texts, such as a lemma and its tags, or one sentence in two languages.

What a file gives, and what a user types, is one line: the texts with a tab between two of them. Each text is a *part*
with a name, a tokeniser and numbers of its own.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.data.rows import BETWEEN
from regard.data.sources import Drawing, Span, UnusableSource
from regard.data.text import TextSource
from regard.data.tokenizer import MAX_FILE_BYTES, Tokenizer
from regard.errors import CheckpointError
from regard.files import read_small, write_whole
from regard.marks import END, RESERVED

if TYPE_CHECKING:
    from torch import nn

FORMAT, VERSION = "regard parts", 1
FIRST = len(RESERVED)


def parts_of(source: str, names: Sequence[str]) -> list[str]:
    """The texts of a line. Raises UnusableSource unless there is one for each name."""
    texts = source.split(BETWEEN)
    if len(texts) != len(names):
        count = "1 part" if len(texts) == 1 else f"{len(texts)} parts"
        raise UnusableSource(
            f"has {count}; expected {len(names)} with a tab between two: {', '.join(names)}. A part may be empty"
        )
    return texts


class Parts:
    """The tokens of all parts in one sequence, with the end mark between two parts: a kind of tokeniser, without files.

    The numbers 0 to 3 mean the same in all parts. Those of the first part's vocabulary follow, then those of the
    second, and so on: no two parts share a number.

    Args:
        tokenizers: the tokeniser of each part, by its name, in the order of the parts.
    """

    def __init__(self, tokenizers: Mapping[str, Tokenizer]) -> None:
        self.tokenizers = dict(tokenizers)
        sizes = [tokenizer.size - FIRST for tokenizer in self.tokenizers.values()]
        self._before = list(accumulate(sizes, initial=0))[:-1]
        tokens = [name for each in self.tokenizers.values() for name in each.tokens(range(FIRST, each.size))]
        self.names = [*RESERVED, *tokens]

    @property
    def texts(self) -> list[str | None]:
        """Those of each part, behind each other."""
        return self.texts_of({each.kind for each in self.tokenizers.values()})

    def texts_of(self, kinds: Collection[str]) -> list[str | None]:
        """The same for the parts whose tokeniser is of these kinds; None for what the others have."""
        texts: list[str | None] = [None] * FIRST
        for each in self.tokenizers.values():
            texts += each.texts[FIRST:] if each.kind in kinds else [None] * (each.size - FIRST)
        return texts

    def state(self) -> dict[str, list]:
        """What the digest is of."""
        return {"parts": [[name, each.digest] for name, each in self.tokenizers.items()]}

    def ids(self, text: str) -> list[int]:
        """The numbers of each part, and the end mark between two. Raises UnusableSource for another number of parts."""
        ids: list[int] = []
        for number, (part, tokenizer) in enumerate(self._given(text)):
            before = self._before[number]
            ids += [END] * (number > 0)
            ids += [token + before if token >= FIRST else token for token in tokenizer.ids(part)]
        return ids

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Those of each part within the whole text; an end mark between two covers the tab."""
        spans: list[tuple[int, int]] = []
        start = 0
        for number, (part, tokenizer) in enumerate(self._given(text)):
            if number:
                spans.append((start - len(BETWEEN), start))
            spans += [(start + low, start + high) for low, high in tokenizer.spans(part, self._own(ids, number))]
            start += len(part) + len(BETWEEN)
        return spans

    def decode(self, ids: Sequence[int]) -> str:
        """The texts that the numbers spell."""
        spelt = [each.decode(self._own(ids, number)) for number, each in enumerate(self.tokenizers.values())]
        return BETWEEN.join(spelt)

    def _given(self, text: str) -> list[tuple[str, Tokenizer]]:
        return list(zip(parts_of(text, [*self.tokenizers]), self.tokenizers.values(), strict=True))

    def _own(self, ids: Sequence[int], number: int) -> list[int]:
        """The numbers of one part as its tokeniser knows them."""
        ends = [-1, *(place for place, token in enumerate(ids) if token == END), len(ids)]
        if number + 1 >= len(ends):
            return []
        before = self._before[number]
        return [token - before if token >= FIRST else token for token in ids[ends[number] + 1 : ends[number + 1]]]


class SeveralTexts:
    """Several texts as one source: what the rest of Regard sees is a text, with a tab between two parts.

    Args:
        tokenizers: the tokeniser of each part, by its name, in the order of the parts.
    """

    kind = "text"
    has_end = True
    shape = ()

    def __init__(self, tokenizers: Mapping[str, Tokenizer]) -> None:
        self.tokenizers = dict(tokenizers)
        parts = Parts(tokenizers)
        self.tokenizer, self.texts_of = Tokenizer("several", parts), parts.texts_of
        self._text = TextSource(self.tokenizer)
        self.encode, self.collate, self.spans = self._text.encode, self._text.collate, self._text.spans

    @property
    def digest(self) -> str:
        """Of the names and the tokenisers."""
        return self.tokenizer.digest

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The smallest type for every token number."""
        return self._text.dtype

    def embed(self, size: int) -> "nn.Embedding":
        """One table for all parts; no part has a number of another."""
        return self._text.embed(size)

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The texts, the part of them at each span, and what the parts are called."""
        drawn = self._text.draw(source, spans)
        return Drawing(drawn.text, drawn.units, parts=tuple(self.tokenizers))

    def save(self, path: Path) -> None:
        """Write the tokenisers."""
        parts = [{"name": name, "tokenizer": each.content()} for name, each in self.tokenizers.items()]
        content = {"format": FORMAT, "version": VERSION, "parts": parts}
        write_whole(path, json.dumps(content, ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: Path) -> "SeveralTexts":
        """What a run was trained with. Raises CheckpointError for anything else."""
        try:
            content: Any = json.loads(read_small(path, MAX_FILE_BYTES))
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise ValueError("another format")
            parts = [(str(part["name"]), part["tokenizer"]) for part in content["parts"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{path} does not say what the parts of a source of this run are. Restore it."
            ) from error
        return cls({name: Tokenizer.of_content(known, str(path)) for name, known in parts})
