"""Decoders without attention: the whole source in one vector. What attention is measured against."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.decoders.state import Start, first_state
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.cells import Cells, Recurrence


@dataclass(frozen=True)
class FixedSource:
    """The source in one vector, and how many positions it had (for weights of zero)."""

    summary: Float[Tensor, "batch summary"]
    length: int


@dataclass(frozen=True)
class FixedState:
    """One row per hypothesis: the recurrent states, and the source row that each decodes."""

    cells: Cells
    rows: Int[Tensor, " rows"]

    def select(self, rows: Int[Tensor, " selected"]) -> "FixedState":
        """The state of the given rows, in the given order."""
        return FixedState(self.cells.select(rows), self.rows[rows])


class FixedDecoder(nn.Module):
    """The source enters as one vector c, at the start only or at every step.

        start   s(0) = tanh(W c + b),  s(t) = cell(E y(t-1), s(t-1)),       features = tanh(U s(t))
        every   s(0) = tanh(W c + b),  s(t) = cell([E y(t-1); c], s(t-1)),  features = tanh(U s(t) + V E y(t-1) + C c)

    Source: "start" Sutskever, Vinyals & Le 2014, arXiv:1409.3215; "every" Cho et al. 2014, arXiv:1406.1078, eq. of
    section 2.2 and appendix A (its maxout is a tanh here, as in the other decoders it is compared with). U, V, C
    stand side by side in `deep`.

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of the features.
        summary_size: features of the memory's summary.
        hidden_size, num_layers, cell: the recurrent part.
        context: "start" or "every".
        layer_dropout: between layers.
        start: how s(0) comes from the summary: "bridge", a layer with tanh; "summary", as it is.

    The weights of its steps are all zeros: it attends to nothing.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        *,
        summary_size: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        start: Start = "bridge",
        context: Literal["start", "every"] = "start",
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.context = context
        extra = summary_size if context == "every" else 0
        beside = tokens.embedding_size + summary_size if context == "every" else 0
        self.bridge = first_state(start, summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(cell, tokens.embedding_size + extra, hidden_size, num_layers, layer_dropout)
        self.deep = nn.Linear(hidden_size + beside, tokens.feature_size)

    @property
    def carries(self) -> bool:
        """Nothing is attended to."""
        return False

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[FixedSource, FixedState]:
        """Make the first state from the summary; there is nothing to anneal."""
        cells = self.recurrence.begin(self.bridge(memory.summary))
        rows = torch.arange(memory.mask.size(0), device=memory.mask.device)
        return FixedSource(memory.summary, memory.mask.size(1)), FixedState(cells, rows)

    def advance(self, tokens: Int[Tensor, " rows"], state: FixedState, source: FixedSource) -> Advance:
        """Features of the next token."""
        inputs = self._inputs(tokens, source.summary[state.rows])
        cells = self.recurrence.step(self.recurrence.gates(inputs), state.cells)
        features = self._deep(cells.top, inputs)
        weights = features.new_zeros(tokens.size(0), source.length)
        return Advance(features, FixedState(cells, state.rows), weights)

    def forward(self, inputs: Int[Tensor, "batch target"], source: FixedSource, state: FixedState) -> Unrolled:
        """All steps of a known target in one recurrent call."""
        read = self.inputs(inputs, source)
        return self.answers(self.recurrence.unroll(read, state.cells), read, source)

    def inputs(self, tokens: Int[Tensor, "batch target"], source: FixedSource) -> Float[Tensor, "batch target input"]:
        """What the recurrent part reads at every step of a known target."""
        return self._inputs(tokens, source.summary.unsqueeze(1).expand(-1, tokens.size(1), -1))

    def answers(
        self,
        hidden: Float[Tensor, "batch target hidden"],
        inputs: Float[Tensor, "batch target input"],
        source: FixedSource,
    ) -> Unrolled:
        """The answer for a whole target, from its states and what they read."""
        nothing = hidden.new_zeros(hidden.shape[:2])
        weights = hidden.new_zeros(*hidden.shape[:2], source.length)
        return Unrolled(self._deep(hidden, inputs), weights, nothing, nothing)

    def _inputs(self, tokens: Tensor, summary: Tensor) -> Tensor:
        """[E y; c] at every step, or E y alone."""
        embedded = self.tokens.embed(tokens)
        return torch.cat([embedded, summary], -1) if self.context == "every" else embedded

    def _deep(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        return torch.tanh(self.deep(torch.cat([hidden, inputs], -1) if self.context == "every" else hidden))
