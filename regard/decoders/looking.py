"""States that carry what they look at, so that sentences of different batches can be decoded side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
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
        first, second = self.state, other.state
        (used, numbers), (others, more) = (distinct(each.rows.numbers) for each in (first, second))
        source = Source.stack([(self.source, used), (other.source, others)])
        length = source.mask.size(1)
        state = AttentiveState(
            first.cells.join(second.cells),
            torch.cat([first.fed, second.fed]),
            first.history.narrow(length).join(second.history.narrow(length)),
            Rows(torch.cat([numbers, more + len(used)]), len(used) + len(others)),
            _parents(first, second),
        )
        return Looking(state, source)


def distinct(numbers: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " distinct"], Int[Tensor, " rows"]]:
    """The numbers that occur, ascending, and the place of each row's own among them."""
    if numbers.device.type != "cpu":
        return torch.unique(numbers, return_inverse=True)
    given = numbers.numpy()
    found = np.bincount(given).nonzero()[0]
    return torch.from_numpy(found), torch.from_numpy(found.searchsorted(given))


def _parents(first: AttentiveState, second: AttentiveState) -> Int[Tensor, " rows"] | None:
    """Which row of the joined cells each hypothesis continues."""
    if first.parents is None and second.parents is None:
        return None
    before, behind = (
        torch.arange(len(each.fed), device=each.fed.device) if each.parents is None else each.parents
        for each in (first, second)
    )
    return torch.cat([before, behind + len(first.fed)])


def advance(decoder: Any, tokens: Int[Tensor, " rows"], looking: Looking) -> Advance:
    """`decoder.advance` of a state that brings its source."""
    moved = decoder.advance(tokens, looking.state, looking.source)
    return Advance(moved.features, Looking(moved.state, looking.source), moved.weights, moved.heads)
