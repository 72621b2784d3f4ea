"""A state with the source that its rows attend to, so that sentences of different batches can be decoded together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.source import Source
from regard.decoders.state import Rows


@dataclass(frozen=True)
class SourcedState:
    """A state and its source.

    Args:
        state: one row per hypothesis; only one that has `rows` and `join(other, rows, length)`, as `AttentiveState`
            has, can be joined.
        source: what its rows attend to.
        output: what the output layer keeps of the source of each row, see `Output.begin`.
    """

    state: Any
    source: Any
    output: Any = None

    def select(self, rows: Int[Tensor, " selected"]) -> "SourcedState":
        """The given rows; the source stays, whichever rows attend to it."""
        output = None if self.output is None else self.output.select(rows)
        return SourcedState(self.state.select(rows), self.source, output)

    def join(self, other: "SourcedState") -> "SourcedState":
        """The rows of another behind these. Sources to which no row attends any more are left out, and positions that
        are real in none."""
        (used, numbers), (others, more) = (distinct(each.state.rows.numbers) for each in (self, other))
        source = Source.stack([(self.source, used), (other.source, others)])
        rows = Rows(torch.cat([numbers, more + len(used)]), len(used) + len(others))
        output = None if self.output is None else self.output.join(other.output)
        return SourcedState(self.state.join(other.state, rows, source.mask.size(1)), source, output)


def distinct(numbers: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " distinct"], Int[Tensor, " rows"]]:
    """The numbers that occur, ascending, and the place of each row's own among them."""
    if numbers.device.type != "cpu":
        return torch.unique(numbers, return_inverse=True)
    given = numbers.numpy()
    found = np.bincount(given).nonzero()[0]
    return torch.from_numpy(found), torch.from_numpy(found.searchsorted(given))
