"""The decoder of Luong, Pham & Manning: step first, then attend."""

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.decoders.bridge import Start, first_state
from regard.decoders.folded import Folded
from regard.decoders.inference import prepared
from regard.decoders.loops import (
    Programs,
    Stepping,
    answer,
    asking,
    attend,
    cell,
    compiles,
    enter,
    join,
    looking,
    runs,
    starts,
    stepped,
)
from regard.decoders.recurrence import Recurrence
from regard.decoders.state import AttentiveState, advanced, begin, look, unrolled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.autograd import loop
from regard.recurrent.program import Linear, Program, Tanh, Tensors


class LuongDecoder(nn.Module):
    """The state moves, looks at the source, and what it sees is joined to it.

        s(t) = cell([E y(t-1); h̃(t-1)], s(t-1))     with input feeding; without it only E y(t-1)
        c(t) = attention(s(t))
        h̃(t) = tanh(W [c(t); s(t)])
        p(y(t)) = softmax(O h̃(t) + b)

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 5-6, section 3.3 (input feeding).

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of h̃.
        attention: what s(t) looks with; its query size is `hidden_size`.
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
        self.folded: Folded | None = None
        self.steps: Stepping | None = None

    @property
    def carries(self) -> bool:
        """With input feeding, or a mechanism that remembers."""
        return self.fed_size > 0 or self.attention.sequential

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.recurrence.begin(self.bridge(memory.summary))
        source, state = begin(self.attention, memory, cells, fed_size=self.fed_size, temperature=temperature)
        return source if self.folded is None else self.folded.enter(source), state

    def for_inference(self) -> "LuongDecoder":
        """The same decoder for weights that no longer change."""
        twin = prepared(self)
        if compiles(self.attention, self.recurrence):
            twin.folded = Folded(self.combine, self.combine.in_features - self.recurrence.rnn.hidden_size)
            twin.steps = Stepping.of(self.tokens.embedding.weight, twin._stepped(), "fed")
        return twin

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        if self.steps is not None and self.steps.takes(state):
            found = self.steps(tokens, state, source)
            return stepped(found, found["fed"], state)
        state, embedded = state.apart(), self.tokens.embed(tokens)
        gates = self.recurrence.gates(embedded)
        if self.fed_size:
            gates = gates + self.recurrence.gates(state.fed, self.tokens.embedding_size, bias=False)
        cells = self.recurrence.step(gates, state.cells)
        attended = look(self.attention, cells.top, source, state.history, state.rows)
        attentional = self._combine(attended.context.squeeze(1), cells.top)
        state = AttentiveState(cells, attentional[:, : self.fed_size], attended.history, state.rows)
        return advanced(attentional, state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target."""
        if self.fed_size:
            known = runs(self.attention, source, self.recurrence)
            return (self._run if known else self._loop)(inputs, source, state)
        embedded = self.tokens.embed(inputs)
        hidden = self.recurrence.unroll(embedded, state.cells)
        attended = self.attention(hidden, source, state.history)
        return unrolled(self._combine(attended.context, hidden), [attended])

    def _run(self, inputs: Tensor, source: Source, state: AttentiveState) -> Unrolled:
        """The same loop as a program, time first."""
        program, tensors = self._program()
        tensors |= looking(source) | starts(state) | {"inputs": self.recurrence.entering(self.tokens.embed(inputs.t()))}
        found = loop(program, tensors, source.mask, ["fed", "weights"])
        return answer(found["fed"][1:].transpose(0, 1), found["weights"])

    def _stepped(self) -> Programs:
        """The same from the token on."""
        first, tensors = enter(self.recurrence, self.tokens.embedding_size)
        program, others = self._program()
        return first, program, tensors | others

    def _program(self) -> tuple[Program, Tensors]:
        """What one step does, from the gates of the token, and its weights."""
        fed = "gates" if self.fed_size else "inputs"
        step, tensors = cell(self.recurrence, fed, "state-", "state")
        if self.fed_size:
            step = (Linear("fed-", "feed", "gates", plus="inputs"), *step)
            tensors["feed"] = self.recurrence.weight("weight_ih")[:, self.tokens.embedding_size :]
        if self.folded is None:
            hidden_size = self.recurrence.rnn.hidden_size
            parts = {"context": self.combine.in_features - hidden_size, "state": hidden_size}
            _, combine, others = join(self.combine, parts, "joined")
        else:
            combine, others = self.folded.program("context", "state", "joined")
        program = (*step, *attend(self.attention, "state"), *combine, Tanh("joined", "fed"))
        return program, tensors | asking(self.attention) | others

    def _loop(self, inputs: Tensor, source: Source, state: AttentiveState) -> Unrolled:
        """Input feeding: each step needs the one before. The embeddings are projected before the loop."""
        cells, fed, history = state.cells, state.fed, state.history
        features, looks = [], []
        for gates in self.recurrence.gates(self.tokens.embed(inputs)).unbind(1):
            gates = gates + self.recurrence.gates(fed, self.tokens.embedding_size, bias=False)
            cells = self.recurrence.step(gates, cells)
            attended = self.attention(cells.top.unsqueeze(1), source, history)
            fed, history = self._combine(attended.context.squeeze(1), cells.top), attended.history
            features.append(fed)
            looks.append(attended)
        return unrolled(torch.stack(features, 1), looks)

    def _combine(self, context: Tensor, hidden: Tensor) -> Tensor:
        if self.folded is None:
            return torch.tanh(self.combine(torch.cat([context, hidden], -1)))
        return torch.tanh(self.folded(context, hidden))
