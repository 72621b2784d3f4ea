"""Byte-pair encoding in which the first word of a text has the same pieces as that word has behind another."""

from collections.abc import Sequence
from typing import Any

from regard.data.bpe import BytePairs
from regard.data.bpe_dropout import DroppedMerges


class SpacedBytePairs:
    """`BytePairs` of the text with a space before it.

    A piece that begins a word holds the space before the word, so the first word of a text, which has none, is made of
    other pieces than elsewhere: it cannot be copied to or from another place. With a space before each text it can.

    Source: the "dummy prefix" of SentencePiece (Kudo & Richardson, arXiv:1808.06226).

    Args:
        pairs: the pieces.

    Any text can be restored: of what the numbers spell, one space is left out at the start.
    """

    def __init__(self, pairs: BytePairs) -> None:
        self._pairs = pairs
        self.names = pairs.names

    @property
    def texts(self) -> list[str | None]:
        """The pieces."""
        return self._pairs.texts

    @classmethod
    def train(cls, texts: Sequence[str], vocab_size: int) -> "SpacedBytePairs":
        """As `BytePairs.train`."""
        return cls(BytePairs.train([f" {text}" for text in texts], vocab_size))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "SpacedBytePairs":
        return cls(BytePairs.from_state(state))

    def state(self) -> dict[str, list]:
        return self._pairs.state()

    def dropping(self, dropout: float) -> DroppedMerges:
        """BPE-dropout with these merges."""
        return self._pairs.dropping(dropout)

    def ids(self, text: str) -> list[int]:
        """The numbers of the pieces; none of an empty text."""
        return self._pairs.ids(f" {text}") if text else []

    def inner_ids(self, text: str) -> list[int]:
        """The numbers of the pieces of a text that goes on right behind another."""
        return self._pairs.ids(text)

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters that each number covers, without the space that was put before the text."""
        spans = self._pairs.spans(text, ids)
        if not self._pairs.decode(ids[:1]).startswith(" "):  # what a model wrote
            return spans
        moved = [(max(start - 1, 0), end - 1) for start, end in spans]
        if len(moved) > 1 and moved[0] == (0, 0):  # that space alone belongs to what it stands before
            moved[0] = moved[1]
        return moved

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the numbers spell."""
        return self._pairs.decode(ids).removeprefix(" ")
