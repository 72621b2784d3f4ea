"""Symbols between spaces: for pre-tokenised text and phonemes."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from regard.data.pieces import most_frequent
from regard.marks import RESERVED, UNKNOWN

FIRST_SYMBOL = len(RESERVED)


class Symbols:
    """One token for each symbol, the text between two white spaces; a symbol unseen in training becomes UNKNOWN.

    The white space is not kept: decoding puts one space between symbols, and writes UNKNOWN as "<unk>" so that the
    number of symbols stays the same. A symbol that is written "<unk>" or "</s>" in the text is an ordinary symbol.

    Args:
        symbols: the symbols that have a number, from 4 on.

    Raises ValueError if a symbol has white space, is empty or is given twice.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        if len(set(symbols)) != len(symbols) or any(symbol.split() != [symbol] for symbol in symbols):
            raise ValueError("Symbols: symbols hold white space or one symbol twice; expected each symbol once.")
        self.symbols = list(symbols)
        self.names = [*RESERVED, *self.symbols]
        self._numbers = {symbol: FIRST_SYMBOL + place for place, symbol in enumerate(symbols)}

    @property
    def texts(self) -> list[str | None]:
        """The symbols."""
        return [*[None] * FIRST_SYMBOL, *self.symbols]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Symbols":
        """Number the most frequent symbols, at most vocab_size − 4 of them."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text.split())
        return cls(most_frequent(counts, vocab_size - FIRST_SYMBOL))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Symbols":
        return cls(state["symbols"])

    def state(self) -> dict[str, list[str]]:
        return {"symbols": self.symbols}

    def ids(self, text: str) -> list[int]:
        """The number of each symbol."""
        ids = [self._numbers.get(symbol, UNKNOWN) for symbol in text.split()]
        if UNKNOWN in ids:
            text.encode()  # a lone surrogate is not an unseen symbol: raise UnicodeEncodeError, as other tokenisers do
        return ids

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """One symbol each; the white space between symbols is in no span."""
        return [match.span() for match in re.finditer(r"\S+", text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The symbols, with one space between them."""
        return " ".join([self.names[number] for number in ids if number >= UNKNOWN])
