"""How often training has the words of a pair."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from regard.data.example import Example
from regard.metrics.by_frequency import FrequencyRow, by_frequency, named, row, rows, words
from regard.metrics.score import References, plain

Split = Callable[[str], Sequence[str]]


def whole(text: str) -> list[str]:
    """A label, which is one word however many it is written with."""
    return [plain(text)]


@dataclass(frozen=True)
class TrainingWords:
    """The words of both sides of pairs to learn from, with how often each occurs.

    Args:
        source: those of the sources; empty where these are no texts.
        target: those of the targets.
        split: target → its words.
    """

    source: Mapping[str, int]
    target: Mapping[str, int]
    split: Split = words

    @classmethod
    def read(cls, pairs: Iterable[Example], *, text: bool = True, split: Split = words) -> "TrainingWords":
        """Count the words of pairs.

        Args:
            pairs: to learn from.
            text: whether sources are texts.
            split: target → its words.
        """
        source, target = Counter[str](), Counter[str]()
        for pair in pairs:
            target.update(split(pair.target or ""))
            if text:
                source.update(words(pair.source))
        return cls(source, target, split)

    def rarest(self, example: Example) -> list[str]:
        """The group of a pair: the row of the word of its source that training has least; none without any word."""
        counts = [self.source.get(word, 0) for word in words(example.source)] if self.source else []
        return [named(*rows()[row(min(counts))])] if counts else []

    def scored(self, outputs: Sequence[str], references: References) -> list[FrequencyRow]:
        """How many words of the references are right, by how often training has them."""
        return by_frequency(self.target, outputs, references, split=self.split)
