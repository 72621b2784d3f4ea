"""One token for each character: for spelling, inflected forms and scripts without spaces."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from regard.data.pieces import FIRST_PIECE, Pieces, byte_ids, most_frequent


class Characters:
    """One token for each character; an unseen character is written as its UTF-8 bytes. Any text can be restored.

    Args:
        characters: the characters that have a number of their own.

    Raises ValueError if an entry is not one character or is given twice.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        if any(len(character) != 1 for character in characters):
            raise ValueError("Characters: characters hold a longer string; expected single characters.")
        self.pieces = Pieces(characters)
        self.names = self.pieces.names
        self._numbers = {character: FIRST_PIECE + place for place, character in enumerate(characters)}

    @property
    def texts(self) -> list[str | None]:
        """The characters."""
        return [*[None] * FIRST_PIECE, *self.pieces.texts]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Characters":
        """Number the most frequent characters, at most vocab_size − 260 of them."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return cls(sorted(most_frequent(counts, vocab_size - FIRST_PIECE)))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Characters":
        return cls(state["characters"])

    def state(self) -> dict[str, list[str]]:
        return {"characters": self.pieces.texts}

    def ids(self, text: str) -> list[int]:
        """The number of each character."""
        ids: list[int] = []
        for character in text:
            number = self._numbers.get(character)
            if number is None:
                ids += byte_ids(character)
            else:
                ids.append(number)
        return ids

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """One character each; the bytes of an unseen character all have its span."""
        return self.pieces.spans(text, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the numbers spell."""
        return self.pieces.join(ids)
