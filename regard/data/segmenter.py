"""The interface of every kind of tokeniser. To add a kind: one file with such a class, one line in `TOKENIZERS`."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Segmentation(Protocol):
    """Text → token numbers and back. `Tokenizer` adds checks to it, and is what the rest of Regard uses.

    `names` has the text to show for each number, the marks first; its length is the size of the vocabulary.
    """

    names: list[str]

    @property
    def texts(self) -> list[str | None]:
        """What each number writes: None for marks, for single bytes, and for what is no part of a text, as a tag."""

    def state(self) -> dict[str, list]:
        """Everything that it has learned, as JSON."""

    def ids(self, text: str) -> list[int]:
        """The token numbers of a text, without marks."""

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters that each of these numbers covers."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token numbers; marks are ignored."""


@runtime_checkable
class Segmenter(Segmentation, Protocol):
    """One kind of tokeniser, which learns from texts and is kept in a file."""

    @classmethod
    def train(cls, texts: Sequence[str], vocab_size: int) -> "Segmenter":
        """Learn from texts; the same texts give the same result."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Segmenter":
        """Build it from what `state` returned."""
