"""Pieces of text and the 256 bytes: with the bytes, a vocabulary can write any text.

0 – 3      the marks
4 – 259    the 256 bytes: a character that is in no piece is written as its UTF-8 bytes
260 – …    the pieces, each a string of one or more characters
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, pairwise

from regard.marks import RESERVED

FIRST_BYTE = len(RESERVED)
FIRST_PIECE = FIRST_BYTE + 256
BYTE_NAMES = tuple(f"<0x{byte:02X}>" for byte in range(256))


def byte_ids(character: str) -> list[int]:
    """The numbers of the UTF-8 bytes of a character. Raises ValueError for a lone surrogate, which has none."""
    return [FIRST_BYTE + byte for byte in character.encode()]


def most_frequent(counts: Counter[str], limit: int) -> list[str]:
    """The most frequent strings, at most `limit`; equally frequent ones in order of code points."""
    return [text for text, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: max(limit, 0)]]


class Pieces:
    """A list of pieces, numbered from 260 on, and text from numbers.

    Args:
        texts: the pieces in the order of their numbers; all different, none empty.

    Raises ValueError if a piece is empty or given twice.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        if len(set(texts)) != len(texts) or "" in texts:
            raise ValueError("Pieces: texts hold an empty piece or one piece twice; expected each piece once.")
        self.texts = list(texts)
        self.names = [*RESERVED, *BYTE_NAMES, *self.texts]
        self._bytes = [b""] * FIRST_BYTE + [bytes([byte]) for byte in range(256)] + [text.encode() for text in texts]

    def join(self, ids: Iterable[int]) -> str:
        """The text of these numbers. Marks are ignored; bytes that are not UTF-8 become U+FFFD."""
        return b"".join([self._bytes[number] for number in ids]).decode(errors="replace")

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters of the text that each number covers, for numbers whose text is this one (see `join`).

        The spans are a partition of the text, except that the bytes of one character all have the span of that
        character: a reader cannot point at a byte. Bytes that are not UTF-8, which only a model writes, all have the
        span of the U+FFFD that they become.
        """
        if min(ids, default=0) >= FIRST_PIECE:  # the usual case: no bytes
            return list(pairwise(accumulate(map(len, map(self.names.__getitem__, ids)), initial=0)))
        spans: list[tuple[int, int]] = []
        position = 0
        for written, run in groupby(ids, lambda number: number < FIRST_PIECE):
            numbers = list(run)
            for width, count in self._byte_runs(numbers) if written else self._widths(numbers):
                spans += [(position, position + width)] * count
                position += width
        return spans

    def _widths(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """(characters, 1) for each piece: one number gives these characters."""
        return [(len(self.texts[number - FIRST_PIECE]), 1) for number in numbers]

    def _byte_runs(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """(characters, numbers) for bytes next to each other: how many numbers give how many characters."""
        spelt = self.join(numbers)
        if spelt.encode() == b"".join([self._bytes[number] for number in numbers]):
            return [(1, len(character.encode())) for character in spelt]
        return [(len(spelt), len(numbers))]
