"""The state of a decoder whose steps run as a program."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.source import Source
from regard.compiled.records import StepSource
from regard.compiled.step import exp_keys
from regard.decoders.state import AttentiveState, Rows
from regard.recurrent.program import Tensors


@dataclass(frozen=True)
class CompiledState:
    """One row per hypothesis. Hypotheses that continue the same one share its row of the tensors.

    Args:
        hidden: of the recurrence, which has one layer.
        memory: the cell state of an LSTM; width 0 for a GRU.
        fed: the attentional vector of the step before; width 0 without input feeding.
        rows: the source row that each hypothesis decodes.
        parents: the row of the tensors that each hypothesis continues; None where each has one of its own.
    """

    hidden: Float[Tensor, "continued hidden"]
    memory: Float[Tensor, "continued memory"]
    fed: Float[Tensor, "continued fed"]
    rows: Rows
    parents: Int[Tensor, " rows"] | None = None

    @classmethod
    def of(cls, state: AttentiveState) -> "CompiledState":
        """The same state, of an attention that remembers nothing."""
        hidden, memory = state.cells.top.detach(), state.cells.memory.detach().select(1, 0)
        return cls(hidden, memory, state.fed, state.rows)

    @property
    def starts(self) -> Tensors:
        """The registers before a step."""
        return {"fed-": self.fed, "state-": self.hidden, "memory-": self.memory}

    def select(self, rows: Int[Tensor, " selected"]) -> "CompiledState":
        """The state of the given hypotheses, in the given order."""
        kept, parents = _distinct(rows if self.parents is None else self.parents[rows])
        hidden, memory, fed = (part.index_select(0, kept) for part in (self.hidden, self.memory, self.fed))
        return CompiledState(hidden, memory, fed, self.rows.select(rows), parents)

    def join(self, other: "CompiledState", rows: Rows, length: int) -> "CompiledState":
        """The rows of another behind these, as `AttentiveState.join`."""
        hidden, memory = torch.cat([self.hidden, other.hidden]), torch.cat([self.memory, other.memory])
        return CompiledState(hidden, memory, torch.cat([self.fed, other.fed]), rows, self._parents(other))

    def apart(self) -> "CompiledState":
        """The same, with a row of its own for each hypothesis."""
        if self.parents is None:
            return self
        hidden, memory, fed = (part.index_select(0, self.parents) for part in (self.hidden, self.memory, self.fed))
        return CompiledState(hidden, memory, fed, self.rows)

    def after(self, registers: Tensors) -> "CompiledState":
        """The state after a step that left these registers, each hypothesis with a row of its own."""
        hidden = registers["state"]
        empty = hidden.new_empty(len(hidden), 0)
        fed = registers["fed"] if self.fed.size(1) else empty
        return CompiledState(hidden, registers.get("memory", empty), fed, self.rows)

    def _parents(self, other: "CompiledState") -> Int[Tensor, " rows"] | None:
        """Which row of the joined tensors each hypothesis continues."""
        if self.parents is None and other.parents is None:
            return None
        first, second = (
            torch.arange(len(each.fed), device=each.fed.device) if each.parents is None else each.parents
            for each in (self, other)
        )
        return torch.cat([first, second + len(self.fed)])


def step_source(source: Source, rows: Rows) -> StepSource:
    """What the hypotheses of these rows attend to, one step at a time."""
    return StepSource(source.prepared, source.values, source.mask, rows.numbers, source.once(exp_keys))


def _distinct(rows: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " continued"], Int[Tensor, " rows"] | None]:
    """Each row once, and the place of each among these; None where it is its own."""
    given = rows.numpy()
    kept = np.bincount(given).nonzero()[0]
    if len(kept) == len(given):
        return rows, None
    return torch.from_numpy(kept), torch.from_numpy(kept.searchsorted(given))
