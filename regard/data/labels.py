"""One token for a whole text: for classes, whose names may have spaces."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from regard.data.pieces import most_frequent
from regard.marks import RESERVED, UNKNOWN

FIRST_LABEL = len(RESERVED)


class Labels:
    """One token for each label, which is a whole text: "Sci/Tech news" is one. Every text is exactly one token.

    White space at the ends does not count, and a stretch of it counts as one space. A label unseen in training, and a
    text without any, becomes UNKNOWN, which has no text: a model does not put it out.

    Args:
        labels: the labels that have a number, from 4 on.

    Raises ValueError if a label is empty, has other white space than single spaces inside, or is given twice.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        if len(set(labels)) != len(labels) or any(not label or _plain(label) != label for label in labels):
            raise ValueError("Labels: labels hold an empty one, loose white space or one label twice; expected names.")
        self.labels = list(labels)
        self.names = [*RESERVED, *self.labels]
        self._numbers = {label: FIRST_LABEL + place for place, label in enumerate(labels)}

    @property
    def texts(self) -> list[str | None]:
        """The labels."""
        return [*[None] * FIRST_LABEL, *self.labels]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Labels":
        """Number the most frequent labels, at most vocab_size − 4 of them."""
        counts = Counter(filter(None, map(_plain, texts)))
        return cls(most_frequent(counts, vocab_size - FIRST_LABEL))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Labels":
        return cls(state["labels"])

    def state(self) -> dict[str, list[str]]:
        return {"labels": self.labels}

    def ids(self, text: str) -> list[int]:
        """The number of the label."""
        number = self._numbers.get(_plain(text), UNKNOWN)
        if number == UNKNOWN:
            text.encode()  # a lone surrogate is not an unseen label: raise UnicodeEncodeError, as other tokenisers do
        return [number]

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The text without the white space at its ends. What a model never writes, several labels, has it again."""
        end = len(text.rstrip())
        return [(min(len(text) - len(text.lstrip()), end), end)] * len(ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The label; of several, which no model of labels writes, each with a space between."""
        return " ".join([self.names[number] for number in ids if number > UNKNOWN])


def _plain(text: str) -> str:
    return " ".join(text.split())
