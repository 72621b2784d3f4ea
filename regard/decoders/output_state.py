"""The state of a decoder whose output layer keeps something of the sources."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jaxtyping import Int
from torch import Tensor

from regard.decoders.step import Advance


@dataclass(frozen=True)
class OutputState:
    """The state of a decoder, and beside it what its output layer keeps, row for row.

    Args:
        state: the decoder's.
        source: what `Output.begin` gave; see there.
    """

    state: Any
    source: Any

    def select(self, rows: Int[Tensor, " selected"]) -> "OutputState":
        """The given rows of both."""
        return OutputState(self.state.select(rows), self.source.select(rows))

    def join(self, other: "OutputState") -> "OutputState":
        """The rows of another behind these."""
        return OutputState(self.state.join(other.state), self.source.join(other.source))


def advance_both(
    advance_decoder: Callable[[Tensor, Any], Advance], tokens: Int[Tensor, " rows"], state: OutputState
) -> Advance:
    """A step of the decoder; what the output layer keeps stays beside it, and is there for the layer to read."""
    moved = advance_decoder(tokens, state.state)
    return replace(moved, state=OutputState(moved.state, state.source), source=state.source)
