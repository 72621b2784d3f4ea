"""The decoder of Bahdanau, Cho & Bengio: attend with the state of the step before, then step."""

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


class BahdanauDecoder(nn.Module):
    """The state attends to the source, answers, and takes a step with the context.

        c(t) = attention(s(t-1))
        t̃(t) = U s(t-1) + V E y(t-1) + C c(t),  t(t) = maxout(t̃(t))     pairs of t̃, the larger of each
        p(y(t)) = softmax(O t(t) + b)
        s(t) = cell([E y(t-1); c(t)], s(t-1))

    With readout "state" the output layer reads the new state instead: t(t) = s(t).

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.2.2; deep output with maxout after Goodfellow
    et al. 2013. As there, the answer is made from s(t-1), so the attention does not know y(t-1). U, V, C stand side by
    side in `deep`. Readout "state" is the decoder of many tutorials: one cell over [embedding; context], and one
    layer on what it puts out.

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of t.
        attention: what s(t-1) attends with; its query size is `hidden_size`.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part; the top layer attends.
        layer_dropout: between layers.
        start: how s(0) comes from the summary: "bridge", a layer with tanh; "summary", as it is.
        readout: "deep", the paper's deep output with maxout; "state", the state s(t), which then has the size of t.

    Raises ValueError if readout is "state" and the sizes differ.
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
        readout: Literal["deep", "state"] = "deep",
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.attention = attention
        self.bridge = first_state(start, summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(cell, tokens.embedding_size + memory_size, hidden_size, num_layers, layer_dropout)
        if readout == "state" and tokens.feature_size != hidden_size:
            raise ValueError(
                f"BahdanauDecoder: tokens.feature_size is {tokens.feature_size} and hidden_size is {hidden_size}; "
                'expected the same with readout "state", since the output layer reads the state.'
            )
        self.deep = None
        if readout == "deep":
            self.deep = nn.Linear(hidden_size + tokens.embedding_size + memory_size, 2 * tokens.feature_size)

    @property
    def carries(self) -> bool:
        """The state reads the context."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.recurrence.begin(self.bridge(memory.summary))
        return begin(self.attention, memory, cells, fed_size=0, temperature=temperature)

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        embedded = self.tokens.embed(tokens)
        attended = attend(self.attention, state.cells.top, source, state.history, state.rows)
        context = attended.context.squeeze(1)
        context_gates = self.recurrence.gates(context, self.tokens.embedding_size, bias=False)
        cells = self.recurrence.step(self.recurrence.gates(embedded) + context_gates, state.cells)
        features = self.features(state.cells.top, embedded, context, cells.top)
        state = AttentiveState(cells, state.fed, attended.history, state.rows)
        return advanced(features, state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target; what does not depend on the state is computed before and after the loop."""
        embedded = self.tokens.embed(inputs)
        cells, history = state.cells, state.history
        states, contexts, steps = [cells.top], [], []
        for gates in self.recurrence.gates(embedded).unbind(1):
            attended = self.attention(cells.top.unsqueeze(1), source, history)
            context, history = attended.context.squeeze(1), attended.history
            gates = gates + self.recurrence.gates(context, self.tokens.embedding_size, bias=False)
            cells = self.recurrence.step(gates, cells)
            states.append(cells.top)
            contexts.append(context)
            steps.append(attended)
        before, after = torch.stack(states[:-1], 1), torch.stack(states[1:], 1)
        return unrolled(self.features(before, embedded, torch.stack(contexts, 1), after), steps)

    def features(self, before: Tensor, embedded: Tensor, context: Tensor, after: Tensor) -> Tensor:
        """What the output layer reads, from the state before the step and behind it."""
        if self.deep is None:
            return after
        return maxout(self.deep(torch.cat([before, embedded, context], -1)))


def maxout(pairs: Float[Tensor, "*axes pairs"]) -> Float[Tensor, "*axes features"]:
    """The larger of each two neighbours."""
    return pairs.view(*pairs.shape[:-1], -1, 2).amax(-1)
