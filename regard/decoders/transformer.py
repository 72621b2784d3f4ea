"""The decoder of Vaswani et al.: every position attends to those before it, and to the source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.attention import Attended, Attention
from regard.attention.cache import Cache
from regard.attention.history import History
from regard.attention.self_attention import SelfAttention
from regard.attention.source import Source
from regard.decoders.state import Rows, advanced, attend, heads_of
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.encoders.sublayers import FeedForward, Residual, TransformerInput

Attend = Callable[[Attention, Tensor], Attended]


@dataclass(frozen=True)
class TransformerState:
    """One row per hypothesis.

    Args:
        caches: what each layer has put out so far, as its self-attention reads it.
        histories: what the cross-attention of each layer remembers.
        rows: the source row that each state row decodes.
    """

    caches: tuple[Cache, ...]
    histories: tuple[History, ...]
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "TransformerState":
        """The state of the given rows, in the given order."""
        caches, looking = tuple(cache.select(rows) for cache in self.caches), self.rows.select(rows)
        moved = looking is not self.rows
        return TransformerState(caches, tuple(history.select(rows, moved=moved) for history in self.histories), looking)


class TransformerDecoderLayer(nn.Module):
    """A position attends to those up to it, then to the source; then comes a feed-forward network.

        x ← residual(x, self-attention),  x ← residual(x, W cross-attention),  x ← residual(x, feed-forward)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.1. W is there only where the cross-attention has one head
    without projections; otherwise it is in the heads.

    Args:
        attention: a causal one, of `hidden_size` throughout.
        cross_attention: any; its queries have `hidden_size` features, its contexts `memory_size`, or with heads
            `hidden_size`.
        memory_size: features of the memory's values.
        hidden_size: features of a position.
        feed_forward_size: features within the feed-forward network.
        norm: "pre" or "post", see `Residual`.
        dropout: of the output of each sub-layer.
    """

    def __init__(
        self,
        attention: Attention,
        cross_attention: Attention,
        *,
        memory_size: int,
        hidden_size: int,
        feed_forward_size: int,
        norm: Literal["pre", "post"] = "pre",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attention = SelfAttention(attention)
        self.cross_attention = cross_attention
        bare = cross_attention.heads is None
        self.project_context = nn.Linear(memory_size, hidden_size, bias=False) if bare else nn.Identity()
        self.feed_forward = FeedForward(hidden_size, feed_forward_size)
        self.around_self, self.around_cross, self.around_feed_forward = (
            Residual(hidden_size, norm=norm, dropout=dropout) for _ in range(3)
        )

    def forward(
        self, states: Float[Tensor, "rows target hidden"], cache: Cache, attend_source: Attend
    ) -> tuple[Float[Tensor, "rows target hidden"], Cache, Attended]:
        """The states of the next layer, the cache with these positions, and what they attended to in the source.

        Args:
            states: of the next target positions.
            cache: the positions before.
            attend_source: (cross-attention, query) → what it attended to.
        """
        looked, cache = self.self_attention.extend(self.around_self.enter(states), cache)
        states = self.around_self.leave(states, looked.context)
        seen = attend_source(self.cross_attention, self.around_cross.enter(states))
        states = self.around_cross.leave(states, self.project_context(seen.context))
        moved = self.feed_forward(self.around_feed_forward.enter(states))
        return self.around_feed_forward.leave(states, moved), cache, seen


class TransformerDecoder(nn.Module):
    """A stack of layers, each of which attends to the target so far and to the source.

        x(0) = TransformerInput(y(<t)),  x(l) = layer_l(x(≤t, l-1), memory),  features = U x(L), with "pre" U norm(x(L))
        p(y(t)) = softmax(O features(t) + b)

    Source: Vaswani et al. 2017, arXiv:1706.03762; the last norm Xiong et al. 2020, arXiv:2002.04745, table 1. U is
    there only where the features have another size than the layers.

    Args:
        tokens: E, O and b; E y is scaled and dropped out together with its position.
        layers: of `hidden_size`, all with the same `norm`.
        hidden_size: features of a position.
        positions: "sinusoidal", or "relative" where the scores of the self-attentions know distances.
        norm: that of the layers.

    The weights of its steps are those of the last layer, the mean of its heads; `heads` has all of them. A known
    target needs no loop, but for a cross-attention that is sequential.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        layers: Sequence[TransformerDecoderLayer],
        *,
        hidden_size: int,
        positions: Literal["sinusoidal", "relative"] = "sinusoidal",
        norm: Literal["pre", "post"] = "pre",
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.enter = TransformerInput(
            tokens.embedding_size, hidden_size, positions=positions, dropout=tokens.embedding_dropout
        )
        # Any: torch's list does not know what it holds.
        self.layers: Any = nn.ModuleList(layers)
        self.normalize = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()
        same = hidden_size == tokens.feature_size
        self.combine = nn.Identity() if same else nn.Linear(hidden_size, tokens.feature_size, bias=False)

    @property
    def carries(self) -> bool:
        """With layers above, whose self-attention reads the contexts below, or a mechanism that remembers."""
        return len(self.layers) > 1 or any(layer.cross_attention.sequential for layer in self.layers)

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[tuple[Source, ...], TransformerState]:
        """Project the keys of every layer, and make the first state."""
        attentions = [layer.cross_attention for layer in self.layers]
        sources = tuple(attention.prepare(memory.keys, memory.values, memory.mask) for attention in attentions)
        histories = tuple(
            attention.begin(source, temperature=temperature)
            for attention, source in zip(attentions, sources, strict=True)
        )
        caches = tuple(Cache.start(memory.values) for _ in attentions)
        return sources, TransformerState(caches, histories, Rows.start(memory.mask))

    def advance(self, tokens: Int[Tensor, " rows"], state: TransformerState, source: tuple[Source, ...]) -> Advance:
        """Features of the next token."""

        def each_at_its_own(source: Source, history: History, attention: Attention, query: Tensor) -> Attended:
            return attend(attention, query.squeeze(1), source, history, state.rows)

        features, state, attended = self._run(tokens.unsqueeze(1), source, state, each_at_its_own)
        return advanced(features.squeeze(1), state, attended)

    def forward(
        self, inputs: Int[Tensor, "batch target"], source: tuple[Source, ...], state: TransformerState
    ) -> Unrolled:
        """All steps of a known target."""
        features, _, attended = self._run(inputs, source, state, _all_at_once)
        return Unrolled(
            features,
            attended[-1].weights,
            torch.stack([seen.log_prob for seen in attended]).sum(0),
            torch.stack([seen.entropy for seen in attended]).sum(0),
            tuple(heads_of(seen) for seen in attended),
        )

    def _run(
        self,
        tokens: Tensor,
        sources: tuple[Source, ...],
        state: TransformerState,
        attend: Callable[[Source, History, Attention, Tensor], Attended],
    ) -> tuple[Tensor, TransformerState, list[Attended]]:
        """The next positions through all layers: features, the state after them, and what each layer attended to."""
        states = self.enter(self.tokens.vectors(tokens), state.caches[0].length)
        caches, attended = [], []
        for layer, source, history, cache in zip(self.layers, sources, state.histories, state.caches, strict=True):
            states, cache, seen = layer(states, cache, partial(attend, source, history))
            caches.append(cache)
            attended.append(seen)
        histories = tuple(seen.history for seen in attended)
        return self.combine(self.normalize(states)), TransformerState(tuple(caches), histories, state.rows), attended


def _all_at_once(source: Source, history: History, attention: Attention, query: Tensor) -> Attended:
    """Row r of the queries is that of source r."""
    attended: Attended = attention(query, source, history)
    return attended
