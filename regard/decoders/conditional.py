"""The conditional GRU: one cell before the attention, one behind it."""

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.compiled.token_cache import VECTORS
from regard.decoders.bridge import Start, first_state
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
from regard.decoders.recurrence import Cells, Recurrence
from regard.decoders.state import AttentiveState, advanced, begin, look, unrolled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.autograd import loop
from regard.recurrent.program import Linear, Program, Tanh, Tensors


class ConditionalDecoder(nn.Module):
    """The state reads the last token, looks, and reads what it saw.

        s'(t) = cell₁(E y(t-1), s(t-1))
        c(t)  = attention(s'(t))
        s(t)  = cell₂(c(t), s'(t))
        t(t)  = tanh(U s(t) + V E y(t-1) + C c(t))
        p(y(t)) = softmax(O t(t) + b)

    Source: Sennrich et al. 2017, arXiv:1703.04357 (Nematus), section 2.1; first in dl4mt. Unlike Bahdanau's, the
    look knows y(t-1). U, V, C stand side by side in `deep`.

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of t.
        attention: what s'(t) looks with; its query size is `hidden_size`.
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
        self.steps: Stepping | None = None

    @property
    def carries(self) -> bool:
        """The state reads what was seen."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.before.begin(self.bridge(memory.summary))
        return begin(self.attention, memory, cells, fed_size=0, temperature=temperature)

    def for_inference(self) -> "ConditionalDecoder":
        """The same decoder for weights that no longer change."""
        twin = prepared(self)
        if self.before.cell == "gru" and compiles(self.attention, self.before, self.behind):
            twin.steps = Stepping.of(self.tokens.embedding.weight, self._stepped(), "features")
        return twin

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        if self.steps is not None and self.steps.takes(state):
            found = self.steps(tokens, state, source)
            return stepped(found, found["features"], state)
        state, embedded = state.apart(), self.tokens.embed(tokens)
        between = self.before.step(self.before.gates(embedded), state.cells)
        attended = look(self.attention, between.top, source, state.history, state.rows)
        context = attended.context.squeeze(1)
        cells = self._behind(context, between)
        state = AttentiveState(cells, state.fed, attended.history, state.rows)
        return advanced(self._deep(cells.top, embedded, context), state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target; what does not depend on the state is computed before and after the loop."""
        embedded = self.tokens.embed(inputs)
        if self.before.cell == "gru" and runs(self.attention, source, self.before, self.behind):
            return self._run(embedded, source, state)
        cells, history = state.cells, state.history
        states, contexts, looks = [], [], []
        for gates in self.before.gates(embedded).unbind(1):
            between = self.before.step(gates, cells)
            attended = self.attention(between.top.unsqueeze(1), source, history)
            context, history = attended.context.squeeze(1), attended.history
            cells = self._behind(context, between)
            states.append(cells.top)
            contexts.append(context)
            looks.append(attended)
        features = self._deep(torch.stack(states, 1), embedded, torch.stack(contexts, 1))
        return unrolled(features, looks)

    def _run(self, embedded: Tensor, source: Source, state: AttentiveState) -> Unrolled:
        """The same loop as a program, time first."""
        program, tensors = self._program()
        tensors |= looking(source) | starts(state) | {"inputs": self.before.entering(embedded.transpose(0, 1))}
        found = loop(program, tensors, source.mask, ["state", "context", "weights"])
        states, contexts = found["state"][1:].transpose(0, 1), found["context"].transpose(0, 1)
        return answer(self._deep(states, embedded, contexts), found["weights"])

    def _program(self) -> tuple[Program, Tensors]:
        """What one step of the loop does, from the gates of the token, and its weights."""
        before, tensors = cell(self.before, "inputs", "state-", "between", "_before")
        behind, others = cell(self.behind, "seen", "between", "state", "_behind")
        program = (
            *before,
            *attend(self.attention, "between"),
            Linear("context", "feed", "seen", bias="feed_bias"),
            *behind,
        )
        feed = {"feed": self.behind.weight("weight_ih"), "feed_bias": self.behind.weight("bias_ih")}
        return program, tensors | others | feed | asking(self.attention)

    def _stepped(self) -> Programs:
        """The same from the token to the features."""
        first, tensors = enter(self.before, self.tokens.embedding_size)
        program, weights = self._program()
        hidden, embedded = self.before.rnn.hidden_size, self.tokens.embedding_size
        parts = {"state": hidden, VECTORS: embedded, "context": self.deep.in_features - hidden - embedded}
        more, deep, others = join(self.deep, parts, "joined")
        return (*first, *more), (*program, *deep, Tanh("joined", "features")), tensors | weights | others

    def _behind(self, context: Tensor, between: Cells) -> Cells:
        return self.behind.step(self.behind.gates(context), between)

    def _deep(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        return torch.tanh(self.deep(torch.cat([state, embedded, context], -1)))
