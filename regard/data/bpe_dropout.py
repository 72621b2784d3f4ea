"""BPE-dropout: texts to learn from that are split into other pieces in each epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from re import Pattern

import numpy as np
from jaxtyping import Integer

from regard.data.pieces import FIRST_PIECE, Pieces, byte_ids

Tokens = Integer[np.ndarray, " tokens"]
VARIANTS = 64
"""Ways to split one word that are drawn from. They are found when they are needed, and kept."""
REMEMBERED = 2**18
"""Words, each with one of its ways, that are kept in memory."""


class DroppedMerges:
    """Splits the words of a text into pieces as BPE does, but leaves merges out by chance.

        pieces ← characters
        repeat: of all neighbours that a merge joins, drop each with probability p; join the first in priority that is
        left, until none is

    So a word is seen in several ways, its rare pieces are learned from frequent words, too, and no word is learned by
    heart. With p = 0 these are the pieces of BPE, with p = 1 single characters.

    Source: Provilkov, Emelianenko & Voita 2020, "BPE-Dropout: Simple and Effective Subword Regularization",
    arXiv:1910.13267, algorithm 1. There a word is split anew each time; here one of `VARIANTS` ways is drawn, each
    found by the algorithm, so that a word costs no more than a look into a table.

    Args:
        pieces: the pieces of the vocabulary; a character that is none is written as its bytes, as in `BytePairs`.
        merges: pairs of pieces, in order of priority.
        words: finds the words of a text, which no merge crosses.
        dropout: the probability p.
    """

    def __init__(self, pieces: Pieces, merges: Sequence[tuple[str, str]], words: Pattern[str], dropout: float) -> None:
        self.pieces, self.words, self.dropout = pieces, words, dropout
        self._rank: Mapping[tuple[str, str], int] = {merge: rank for rank, merge in enumerate(merges)}
        self._number = {piece: FIRST_PIECE + place for place, piece in enumerate(pieces.texts)}
        self._known: dict[tuple[str, int], list[int]] = {}

    def __call__(self, tokens: Tokens, generator: np.random.Generator) -> Integer[np.ndarray, " pieces"]:
        """The same text in other pieces; `tokens` are its pieces, without marks."""
        words = self.words.findall(self.pieces.join(tokens.tolist()))
        ways = generator.integers(VARIANTS, size=len(words)).tolist()
        found = [number for word in zip(words, ways, strict=True) for number in self._split(word)]
        return np.array(found, tokens.dtype)

    def _split(self, word: tuple[str, int]) -> list[int]:
        known = self._known.get(word)
        if known is None:
            known = [number for piece in self.split(*word) for number in self._numbers(piece)]
            if len(self._known) < REMEMBERED:
                self._known[word] = known
        return known

    def _numbers(self, piece: str) -> list[int]:
        number = self._number.get(piece)
        return byte_ids(piece) if number is None else [number]

    def split(self, word: str, way: int) -> list[str]:
        """The pieces of a word; `way` is the number of the way, and gives the same pieces each time."""
        pieces, random = list(word), Random(f"{way} {word}")
        while True:
            ranks = map(self._rank.get, pairwise(pieces))
            left = [(rank, place) for place, rank in enumerate(ranks) if rank is not None]
            left = [merge for merge in left if random.random() >= self.dropout]
            if not left:
                return pieces
            _, place = min(left)
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


@dataclass(frozen=True)
class DropMerges:
    """Varies a pair by BPE-dropout.

    Args:
        source, target: of each side; None for one that is not written in pieces.
        longest: a side never gets more tokens than this; it then stays as it is.
    """

    source: DroppedMerges | None
    target: DroppedMerges | None
    longest: int

    def __call__(
        self, source: Tokens, target: Integer[np.ndarray, " targets"], generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both sides in other pieces."""
        sides = ((source, self.source), (target, self.target))
        made = [tokens if drop is None else drop(tokens, generator) for tokens, drop in sides]
        source, target = (
            new if len(new) <= self.longest else old for old, new in zip((source, target), made, strict=True)
        )
        return source, target
