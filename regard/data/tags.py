"""Tags between spaces and semicolons: "N;DAT;PL", or "en formal"."""

from collections.abc import Iterable, Sequence
from typing import Any

from regard.data.symbols import Symbols


class Tags:
    """One token for each tag; a tag unseen in training becomes UNKNOWN.

    White space and semicolons are not kept: decoding puts one semicolon between tags.

    Args:
        tags: the tags that have a number, from 4 on.

    Raises ValueError if a tag has white space or a semicolon, is empty or is given twice.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        if any(";" in tag for tag in tags):
            raise ValueError("Tags: a tag has a semicolon; expected none, since it ends a tag.")
        self._symbols = Symbols(tags)
        self.names = self._symbols.names

    @property
    def texts(self) -> list[str | None]:
        """A tag is no part of a text."""
        return [None] * len(self.names)

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Tags":
        """Number the most frequent tags, at most vocab_size − 4 of them."""
        return cls(Symbols.train(map(spaced, texts), vocab_size).symbols)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Tags":
        return cls(state["tags"])

    def state(self) -> dict[str, list[str]]:
        return {"tags": self._symbols.symbols}

    def ids(self, text: str) -> list[int]:
        """The number of each tag."""
        return self._symbols.ids(spaced(text))

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """One tag each; what stands between tags is in no span."""
        return self._symbols.spans(spaced(text), ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The tags, with one semicolon between them."""
        return self._symbols.decode(ids).replace(" ", ";")


def spaced(text: str) -> str:
    """A space for each semicolon, so that every tag stays at its place."""
    return text.replace(";", " ")
