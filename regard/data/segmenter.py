"""The contract that every kind of tokeniser keeps. Add a kind: one file with such a class, one line in `TOKENIZERS`."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Segmenter(Protocol):
    """What a kind of tokeniser does; `Tokenizer` adds the files, the checks and the surface that Regard sees.

    `names` holds what to show for each number, the reserved marks first; its length is the size of the vocabulary.
    """

    names: list[str]

    @classmethod
    def train(cls, texts: Sequence[str], vocab_size: int) -> "Segmenter":
        """Learn from texts, the same each time."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Segmenter":
        """Build again from what `state` gave."""

    def state(self) -> dict[str, list]:
        """All that it has learnt, as JSON."""

    def ids(self, text: str) -> list[int]:
        """The token numbers of a text, without marks."""

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters that each of these numbers covers."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token numbers; marks are ignored."""
