"""The decoder of Bahdanau, Cho & Bengio: attend with the state of the step before, then step."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.decoders.bridge import Bridge
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
from regard.decoders.tokens import TargetTokens
from regard.encoders.memory import Memory
from regard.unroll import VECTORS, Linear, Program, Tensors, loop


class BahdanauDecoder(nn.Module):
    """The state looks at the source, answers, and moves on with what it saw.

        c(t) = attention(s(t-1))
        t̃(t) = U s(t-1) + V E y(t-1) + C c(t),  t(t) = maxout(t̃(t))     pairs of t̃, the larger of each
        p(y(t)) = softmax(O t(t) + b)
        s(t) = cell([E y(t-1); c(t)], s(t-1))

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.2.2; deep output with maxout after Goodfellow
    et al. 2013. As there, the answer is made from s(t-1), so the look does not know y(t-1). U, V, C stand side by
    side in `deep`.

    Args:
        tokens: E, O and b; `tokens.feature_size` is the size of t.
        attention: what s(t-1) looks with; its query size is `hidden_size`.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part; the top layer looks.
        layer_dropout: between layers.
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
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.attention = attention
        self.bridge = Bridge(summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(cell, tokens.embedding_size + memory_size, hidden_size, num_layers, layer_dropout)
        self.deep = nn.Linear(hidden_size + tokens.embedding_size + memory_size, 2 * tokens.feature_size)
        self.steps: Stepping | None = None

    @property
    def carries(self) -> bool:
        """The state reads what was seen."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        cells = self.recurrence.begin(self.bridge(memory.summary))
        return begin(self.attention, memory, cells, fed_size=0, temperature=temperature)

    def for_inference(self) -> "BahdanauDecoder":
        """The same decoder for weights that no longer change."""
        twin = prepared(self)
        if compiles(self.attention, self.recurrence):
            twin.steps = Stepping.of(self.tokens.embedding.weight, self._stepped(), "pairs")
        return twin

    def advance(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        if self.steps is not None and self.steps.takes(state):
            found = self.steps(tokens, state, source)
            return stepped(found, self._maxout(found["pairs"]), state)
        state, embedded = state.apart(), self.tokens.embed(tokens)
        attended = look(self.attention, state.cells.top, source, state.history, state.rows)
        context = attended.context.squeeze(1)
        features = self._deep(state.cells.top, embedded, context)
        seen_gates = self.recurrence.gates(context, self.tokens.embedding_size, bias=False)
        cells = self.recurrence.step(self.recurrence.gates(embedded) + seen_gates, state.cells)
        state = AttentiveState(cells, state.fed, attended.history, state.rows)
        return advanced(features, state, [attended])

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target; what does not depend on the state is computed before and after the loop."""
        embedded = self.tokens.embed(inputs)
        if runs(self.attention, source, self.recurrence):
            return self._run(embedded, source, state)
        cells, history = state.cells, state.history
        states, contexts, looks = [], [], []
        for gates in self.recurrence.gates(embedded).unbind(1):
            states.append(cells.top)
            attended = self.attention(cells.top.unsqueeze(1), source, history)
            context, history = attended.context.squeeze(1), attended.history
            gates = gates + self.recurrence.gates(context, self.tokens.embedding_size, bias=False)
            cells = self.recurrence.step(gates, cells)
            contexts.append(context)
            looks.append(attended)
        features = self._deep(torch.stack(states, 1), embedded, torch.stack(contexts, 1))
        return unrolled(features, looks)

    def project(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        return self.tokens.project(features)

    def _run(self, embedded: Tensor, source: Source, state: AttentiveState) -> Unrolled:
        """The same loop as a program, time first."""
        program, tensors = self._program()
        tensors |= looking(source) | starts(state) | {"inputs": self.recurrence.entering(embedded.transpose(0, 1))}
        found = loop(program, tensors, source.mask, ["state", "context", "weights"])
        states, contexts = found["state"][:-1].transpose(0, 1), found["context"].transpose(0, 1)
        return answer(self._deep(states, embedded, contexts), found["weights"])

    def _deep(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        return self._maxout(self.deep(torch.cat([state, embedded, context], -1)))

    def _maxout(self, pairs: Tensor) -> Tensor:
        return pairs.view(*pairs.shape[:-1], -1, 2).amax(-1)

    def _program(self) -> tuple[Program, Tensors]:
        """What one step of the loop does, from the gates of the token, and its weights."""
        step, tensors = cell(self.recurrence, "gates", "state-", "state")
        tensors["feed"] = self.recurrence.weight("weight_ih")[:, self.tokens.embedding_size :]
        program = (*attend("state-"), Linear("context", "feed", "gates", plus="inputs"), *step)
        return program, tensors | asking(self.attention)

    def _stepped(self) -> Programs:
        """The same from the token to the pairs of which the larger are the features."""
        first, tensors = enter(self.recurrence, self.tokens.embedding_size)
        program, weights = self._program()
        hidden, embedded = self.recurrence.rnn.hidden_size, self.tokens.embedding_size
        parts = {"state-": hidden, VECTORS: embedded, "context": self.deep.in_features - hidden - embedded}
        more, deep, others = join(self.deep, parts, "pairs")
        return (*first, *more), (*program, *deep), tensors | weights | others
