"""The history of a dialogue as one text: its turns, joined by a mark."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MARK = "<turn>"
"""What most corpora of dialogues use."""


@dataclass(frozen=True)
class Turns:
    """How long a history may be: of a longer one, the first turns are not read.

    Args:
        mark: stands between two turns, with a blank on either side.
        most: tokens of a history.
    """

    mark: str
    most: int

    def start(self, text: str, count: Callable[[str], int]) -> int:
        """The first character that is read: that of a turn, the earliest from which on the tokens are few enough. The
        last turn is read whole, however long it is."""
        if count(text) <= self.most:
            return 0
        starts = [0]
        while (place := text.find(joint := between(self.mark), starts[-1])) >= 0:
            starts.append(place + len(joint))
        number = bisect_left(starts, True, key=lambda start: count(text[start:]) <= self.most)
        return starts[min(number, len(starts) - 1)]


def between(mark: str) -> str:
    """What joins two turns."""
    return f" {mark} "


def history(turns: Iterable[str], mark: str) -> str:
    """The source for these turns, the last one last."""
    return between(mark).join(turns)
