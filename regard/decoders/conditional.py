"""The conditional GRU: one cell before the attention, one after it."""

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.decoders.state import AttentiveState, Start, advanced, attend, begin, first_state, unrolled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.cells import Cells, Recurrence


class ConditionalDecoder(nn.Module):
    """The state reads the last token, attends to the source, and reads the context.

        s'(t) = cell₁(E y(t-1), s(t-1))
        c(t)  = attention(s'(t))
        s(t)  = cell₂(c(t), s'(t))
        t(t)  = tanh(U s(t) + V E y(t-1) + C c(t))
        p(y(t)) = softmax(O t(t) + b)

    Source: Sennrich et al. 2017, arXiv:1703.04357 (Nematus), section 2.1; first in dl4mt. Unlike Bahdanau's, the
    attention knows y(t-1). U, V, C stand side by side in `deep`.

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of t.
        attention: what s'(t) attends with; its query size is `hidden_size`.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, cell: of both cells.
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
        cell: Literal["gru", "lstm"] = "gru",
        start: Start = "bridge",
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.attention = attention
        self.bridge = first_state(start, summary_size, hidden_size, 1)
        self.before = Recurrence(cell, tokens.embedding_size, hidden_size, 1, 0.0)
        self.behind = Recurrence(cell, memory_size, hidden_size, 1, 0.0)
        self.deep = nn.Linear(hidden_size + tokens.embedding_size + memory_size, tokens.feature_size)

    @property
    def carries(self) -> bool:
        """The state reads the context."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.before.begin(self.bridge(memory.summary))
        return begin(self.attention, memory, cells, fed_size=0, temperature=temperature)

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        embedded = self.tokens.embed(tokens)
        between = self.before.step(self.before.gates(embedded), state.cells)
        attended = attend(self.attention, between.top, source, state.history, state.rows)
        context = attended.context.squeeze(1)
        cells = self._behind(context, between)
        state = AttentiveState(cells, state.fed, attended.history, state.rows)
        return advanced(self.features(cells.top, embedded, context), state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target; what does not depend on the state is computed before and after the loop."""
        embedded = self.tokens.embed(inputs)
        cells, history = state.cells, state.history
        states, contexts, steps = [], [], []
        for gates in self.before.gates(embedded).unbind(1):
            between = self.before.step(gates, cells)
            attended = self.attention(between.top.unsqueeze(1), source, history)
            context, history = attended.context.squeeze(1), attended.history
            cells = self._behind(context, between)
            states.append(cells.top)
            contexts.append(context)
            steps.append(attended)
        features = self.features(torch.stack(states, 1), embedded, torch.stack(contexts, 1))
        return unrolled(features, steps)

    def _behind(self, context: Tensor, between: Cells) -> Cells:
        return self.behind.step(self.behind.gates(context), between)

    def features(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """What the output layer reads, at one step or at all."""
        return torch.tanh(self.deep(torch.cat([state, embedded, context], -1)))
