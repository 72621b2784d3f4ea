"""The decoder of Luong, Pham & Manning: step first, then attend."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.decoders.state import AttentiveState, Start, advanced, attend, begin, first_state, unrolled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.cells import Recurrence


class LuongDecoder(nn.Module):
    """The state takes a step, attends to the source, and is joined with the context.

        s(t) = cell([E y(t-1); h̃(t-1)], s(t-1))     with input feeding; without it only E y(t-1)
        c(t) = attention(s(t))
        h̃(t) = tanh(W [c(t); s(t)])
        p(y(t)) = softmax(O h̃(t) + b)

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 5-6, section 3.3 (input feeding).

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of h̃.
        attention: what s(t) attends with; its query size is `hidden_size`.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part.
        input_feeding: give h̃(t-1) to the next step. Without it, and with a mechanism that forgets, a known target
            needs no loop: one recurrent call and one attention call serve all its steps.
        layer_dropout: between layers.
        start: how s(0) comes from the summary: "bridge", a layer with tanh; "summary", as it is.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        attention: Attention,
        *,
        memory_size: int,
        summary_size: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        start: Start = "bridge",
        input_feeding: bool = True,
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.attention = attention
        self.fed_size = tokens.feature_size if input_feeding else 0
        self.bridge = first_state(start, summary_size, hidden_size, num_layers)
        input_size = tokens.embedding_size + self.fed_size
        self.recurrence = Recurrence(cell, input_size, hidden_size, num_layers, layer_dropout)
        self.combine = nn.Linear(memory_size + hidden_size, tokens.feature_size, bias=False)

    @property
    def carries(self) -> bool:
        """With input feeding, or a mechanism that remembers."""
        return self.fed_size > 0 or self.attention.sequential

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.recurrence.begin(self.bridge(memory.summary))
        return begin(self.attention, memory, cells, fed_size=self.fed_size, temperature=temperature)

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        gates = self.recurrence.gates(self.tokens.embed(tokens))
        if self.fed_size:
            gates = gates + self.recurrence.gates(state.fed, self.tokens.embedding_size, bias=False)
        cells = self.recurrence.step(gates, state.cells)
        attended = attend(self.attention, cells.top, source, state.history, state.rows)
        attentional = self._combine(attended.context.squeeze(1), cells.top)
        state = AttentiveState(cells, attentional[:, : self.fed_size], attended.history, state.rows)
        return advanced(attentional, state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target."""
        embedded = self.tokens.embed(inputs)
        if self.fed_size:
            return self._loop(embedded, source, state)
        return self.attend_all(self.recurrence.unroll(embedded, state.cells), source, state)

    def attend_all(
        self, hidden: Float[Tensor, "batch target hidden"], source: Source, state: AttentiveState
    ) -> Unrolled:
        """Without input feeding: all steps at once, from their states."""
        attended = self.attention(hidden, source, state.history)
        return unrolled(self._combine(attended.context, hidden), [attended])

    def _loop(self, embedded: Tensor, source: Source, state: AttentiveState) -> Unrolled:
        """Input feeding: each step needs the one before. The embeddings are projected before the loop."""
        cells, fed, history = state.cells, state.fed, state.history
        features, steps = [], []
        for gates in self.recurrence.gates(embedded).unbind(1):
            gates = gates + self.recurrence.gates(fed, self.tokens.embedding_size, bias=False)
            cells = self.recurrence.step(gates, cells)
            attended = self.attention(cells.top.unsqueeze(1), source, history)
            fed, history = self._combine(attended.context.squeeze(1), cells.top), attended.history
            features.append(fed)
            steps.append(attended)
        return unrolled(torch.stack(features, 1), steps)

    def _combine(self, context: Tensor, hidden: Tensor) -> Tensor:
        return torch.tanh(self.combine(torch.cat([context, hidden], -1)))
