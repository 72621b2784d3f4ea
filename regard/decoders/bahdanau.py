"""The decoder of Bahdanau, Cho & Bengio: attend with the state of the step before, then step."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.attention import Attention
from regard.attention.source import Source
from regard.decoders.bridge import Bridge
from regard.decoders.recurrence import Recurrence
from regard.decoders.state import AttentiveState, look
from regard.decoders.step import Step, Unrolled
from regard.encoders.memory import Memory


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
        embedding: target tokens → vectors.
        output: features → logits; `output.in_features` is the size of t.
        attention: what s(t-1) looks with; its query size is `hidden_size`.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part; the top layer looks.
        embedding_dropout, layer_dropout, output_dropout: of E y, between layers, of t before the output layer.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        output: nn.Linear,
        attention: Attention,
        *,
        memory_size: int,
        summary_size: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        embedding_dropout: float = 0.0,
        layer_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.output = output
        self.attention = attention
        self.bridge = Bridge(summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(
            cell, embedding.embedding_dim + memory_size, hidden_size, num_layers, layer_dropout
        )
        self.deep = nn.Linear(hidden_size + embedding.embedding_dim + memory_size, 2 * output.in_features)
        self.dropouts = (embedding_dropout, output_dropout)

    def begin(self, memory: Memory) -> tuple[Source, AttentiveState]:
        """Project the keys and make the first state."""
        source = self.attention.prepare(memory.keys, memory.values, memory.mask)
        cells = self.recurrence.begin(self.bridge(memory.summary))
        rows = torch.arange(memory.mask.size(0), device=memory.mask.device)
        return source, AttentiveState(cells, cells.top[:, :0], self.attention.begin(source), rows)

    def step(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Step:
        """Logits of the next token."""
        embedded = self._embed(tokens)
        attended = look(self.attention, state.cells.top, source, state)
        context = attended.context.squeeze(1)
        features = self._deep(state.cells.top, embedded, context)
        cells = self.recurrence.step(self.recurrence.gates(torch.cat([embedded, context], -1)), state.cells)
        state = AttentiveState(cells, state.fed, attended.history, state.rows)
        return Step(self.project(features), state, attended.weights.squeeze(1))

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: AttentiveState) -> Unrolled:
        """All steps of a known target; what does not depend on the state is computed before and after the loop."""
        embedded = self._embed(inputs)
        cells, history = state.cells, state.history
        states, contexts, weights = [], [], []
        for gates in self.recurrence.gates(embedded).unbind(1):
            states.append(cells.top)
            attended = self.attention(cells.top.unsqueeze(1), source, history)
            context, history = attended.context.squeeze(1), attended.history
            gates = gates + self.recurrence.gates(context, self.embedding.embedding_dim, bias=False)
            cells = self.recurrence.step(gates, cells)
            contexts.append(context)
            weights.append(attended.weights)
        features = self._deep(torch.stack(states, 1), embedded, torch.stack(contexts, 1))
        return Unrolled(features, torch.cat(weights, 1))

    def project(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        return self.output(F.dropout(features, self.dropouts[1], self.training))

    def _embed(self, tokens: Tensor) -> Tensor:
        return F.dropout(self.embedding(tokens), self.dropouts[0], self.training)

    def _deep(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        pairs = self.deep(torch.cat([state, embedded, context], -1))
        return pairs.unflatten(-1, (-1, 2)).amax(-1)
