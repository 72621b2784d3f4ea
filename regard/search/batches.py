"""Sources in batches of similar length: each batch is read, and searched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from regard.data.sources import Source, batch_of
from regard.search.hypothesis import Hypothesis
from regard.search.refill import Later
from regard.search.start import Reader, Started

LOOKS = 1 << 20
"""Squared source lengths, summed, of the sentences of one search: what they looked at is kept to its end."""

SHARES = 2
"""A later batch enters in so many parts: the more there are, the sooner each finds room."""

Found = list[list[Hypothesis]]
Values = Sequence[int] | np.ndarray
"""A source as `Source.encode` gives it."""


class Covered(NamedTuple):
    """What a memory says of its positions.

    Args:
        spans: the input positions that each covers, see `Memory.spans`.
        inside: the share of each input position in the one that covers it, without the end mark of the source; None as
            in `Memory.inside`.
    """

    spans: np.ndarray
    inside: np.ndarray | None


Spans = dict[int, Covered]
"""By the number of the source: what the positions of its memory cover."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Batches:
    """Searches for all sources, a batch at a time.

    Args:
        reader: reads a batch, and begins with it.
        source: what the sources are.
        size: sentences at a time.
        device: of the models.
        wanted: the tokens that the output of each source has to have, by its number; nothing for others.
    """

    reader: Reader
    source: Source
    size: int
    device: torch.device
    wanted: Mapping[int, Sequence[int]] = field(default_factory=dict)

    @torch.inference_mode()
    def flowing(
        self, sources: Sequence[Values], look: Callable[[Started, Later, Sequence[int]], Found]
    ) -> tuple[Found, Spans]:
        """Search for all, so that further sentences enter where others have ended; the answers in their order. `look`
        also receives the numbers of the sentences, in the order in which they enter."""
        found: Found = [[] for _ in sources]
        spans: Spans = {}
        batches, size = self._batches(sources), self.size
        while batches:
            first = next(self._read(sources, batches[0], size, spans))
            count = _window(batches, sources) if first.joins else 1
            window, batches = batches[:count], batches[count:]
            share = -(-size // SHARES)
            started = (each for batch in window[1:] for each in self._read(sources, batch, share, spans))
            numbers = list(chain.from_iterable(window))
            hypotheses = look(first, ((each.state, each.lengths) for each in started), numbers)
            for number, each in zip(numbers, hypotheses, strict=True):
                found[number] = each
        return found, spans

    @torch.inference_mode()
    def one_by_one(
        self, sources: Sequence[Values], look: Callable[[Started, Sequence[int]], Sequence[Answer]]
    ) -> tuple[list[Answer], Spans]:
        """Search for one batch after the other; the answers in the order of the sources."""
        found: dict[int, Answer] = {}
        spans: Spans = {}
        for batch in self._batches(sources):
            for started in self._read(sources, batch, len(batch), spans):
                found.update(zip(batch, look(started, batch), strict=True))
        return [found[number] for number in range(len(sources))], spans

    def _batches(self, sources: Sequence[Values]) -> list[list[int]]:
        """Their numbers, those of similar length together; the longest first, which would else end last, and alone."""
        order, size = sorted(range(len(sources)), key=lambda number: -len(sources[number])), self.size
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _read(self, sources: Sequence[Values], batch: Sequence[int], count: int, spans: Spans) -> Iterator[Started]:
        """Read a batch, and begin with so many of its sentences at a time; note the spans of their memory."""
        source, mask = (part.to(self.device) for part in batch_of(self.source, [sources[number] for number in batch]))
        numbers = iter(batch)
        wanted = [self.wanted.get(number, ()) for number in batch] if self.wanted else ()
        for started in self.reader.read(source, mask, count, wanted):
            inside = None if started.inside is None else started.inside.numpy(force=True)
            rows = zip(started.spans.numpy(force=True), started.lengths.tolist(), strict=True)
            for row, (covered, length) in enumerate(rows):
                number = next(numbers)
                shares = None if inside is None else inside[row, : len(sources[number])]
                spans[number] = Covered(covered[:length], shares)
            yield started


def _window(batches: Sequence[Sequence[int]], sources: Sequence[Values]) -> int:
    """How many of the batches one search may go through, at least one. The first sentence of each is its longest."""
    looks = np.cumsum([len(batch) * len(sources[batch[0]]) ** 2 for batch in batches])
    return max(1, int(np.searchsorted(looks, LOOKS, side="right")))
