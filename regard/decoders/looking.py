"""States that carry what they look at, so that sentences of different batches can be decoded side by side."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.source import Source
from regard.decoders.state import AttentiveState, Rows
from regard.decoders.step import Advance


@dataclass(frozen=True)
class Looking:
    """A state and its source.

    Args:
        state: one row per hypothesis.
        source: what its rows look at.
    """

    state: AttentiveState
    source: Source

    def select(self, rows: Int[Tensor, " selected"]) -> "Looking":
        """The given rows; the source stays, whoever looks at it."""
        return Looking(self.state.select(rows), self.source)

    def join(self, other: "Looking") -> "Looking":
        """The rows of another behind these. Sources at which nobody looks any more are left out, and positions that are
        real in none."""
        one, more = self._trimmed(), other._trimmed()
        first, second = one.state.apart(), more.state.apart()
        count = first.rows.count + second.rows.count
        numbers = torch.cat([first.rows.numbers, second.rows.numbers + first.rows.count])
        state = AttentiveState(
            first.cells.join(second.cells),
            torch.cat([first.fed, second.fed]),
            first.history.join(second.history),
            Rows(numbers, count),
        )
        return Looking(state, one.source.join(more.source))

    def _trimmed(self) -> "Looking":
        used, numbers = torch.unique(self.state.rows.numbers, return_inverse=True)
        source, rows = self.source, self.state.rows
        if len(used) < rows.count:
            source, rows = source.select(used), Rows(numbers, len(used))
        length = source.length
        state = replace(self.state, rows=rows, history=self.state.history.narrow(length))
        return Looking(state, source.narrow(length))


def advance(decoder: Any, tokens: Int[Tensor, " rows"], looking: Looking) -> Advance:
    """`decoder.advance` of a state that brings its source."""
    moved = decoder.advance(tokens, looking.state, looking.source)
    return Advance(moved.features, Looking(moved.state, looking.source), moved.weights, moved.heads)
