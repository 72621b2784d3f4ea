"""A label for a whole source: the memory is pooled into one vector, which the output layer reads once."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.attention.pooling import Pooled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.marks import BEGIN


@dataclass(frozen=True)
class PooledSource:
    """The source in one vector, made once.

    Args:
        features: what the output layer reads to name the label, but for the last feature.
        pooled: the weights that the vector was made with.
    """

    features: Float[Tensor, "batch features"]
    pooled: Pooled


@dataclass(frozen=True)
class PoolingState:
    """The source row of each hypothesis. Nothing else changes from step to step."""

    rows: Int[Tensor, " rows"]

    def select(self, rows: Int[Tensor, " selected"]) -> "PoolingState":
        """The state of the given rows, in the given order."""
        return PoolingState(self.rows[rows])


class PoolingDecoder(nn.Module):
    """One look at the source, one label, and the end: classification.

        v = pool(h_1, …, h_n),   features = [tanh(W v + b); 0] for the label, [0; 1] for the end

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", section 2.2, for attention
    pooling; Lin et al. 2017, arXiv:1703.03130, for several hops; any other pooling does as well. Between v and the
    output layer stands one layer, as in Lin et al. (section 4), where Yang et al. have none. The last feature tells the
    output layer, a `LabelOutput`, that the label is written.

    The weights of the first step are those of the pooling; each of several hops is a layer. The end looks at nothing:
    its weights are zeros.

    Args:
        tokens: the labels; `tokens.feature_size` is the size of the features. The target embedding is not used.
        pooling: an entry of `POOLINGS`, built.

    Attributes:
        looks: the names of the hops, which views show one by one; none where there is one look.
    """

    def __init__(self, tokens: TargetTokens, pooling: Any) -> None:
        super().__init__()
        self.tokens = tokens
        self.pooling = pooling
        self.looks = tuple(f"hop {hop}" for hop in range(1, getattr(pooling, "hops", 0) + 1))
        self.project = nn.Linear(self.pooling.output_size, tokens.feature_size - 1)

    @property
    def carries(self) -> bool:
        """The end does not depend on what was looked at."""
        return False

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[PooledSource, PoolingState]:
        """Pool the memory, once for all steps."""
        pooled = self.pooling(memory.values, memory.mask, temperature)
        rows = torch.arange(memory.mask.size(0), device=memory.mask.device)
        return PooledSource(torch.tanh(self.project(pooled.vector)), pooled), PoolingState(rows)

    def advance(self, tokens: Int[Tensor, " rows"], state: PoolingState, source: PooledSource) -> Advance:
        """Behind the begin mark the label is next, behind anything else the end."""
        made = self._unrolled(tokens.unsqueeze(1), source, state.rows)
        heads = tuple(layer.squeeze(2) for layer in made.heads)
        return Advance(made.features.squeeze(1), state, made.weights.squeeze(1), heads)

    def forward(self, inputs: Int[Tensor, "batch target"], source: PooledSource, state: PoolingState) -> Unrolled:
        """All steps of a known target."""
        return self._unrolled(inputs, source, state.rows)

    def _unrolled(self, inputs: Int[Tensor, "rows target"], source: PooledSource, rows: Tensor) -> Unrolled:
        first, pooled = inputs == BEGIN, source.pooled
        features = _at(first, source.features[rows].unsqueeze(1))
        features = torch.cat([features, (~first).to(features.dtype).unsqueeze(-1)], -1)
        weights = pooled.weights[rows].unsqueeze(1)
        heads = weights if pooled.heads is None else pooled.heads[rows]
        nothing = weights.new_zeros(rows.size(0))
        log_prob, entropy = (
            _at(first, (nothing if each is None else each[rows]).view(-1, 1, 1)).squeeze(-1)
            for each in (pooled.log_prob, pooled.entropy)
        )
        looks = _at(first.unsqueeze(1), heads.unsqueeze(2))
        layers = torch.split(looks, 1, 1) if self.looks else (looks,)
        return Unrolled(features, _at(first, weights), log_prob, entropy, layers)


def _at(first: Bool[Tensor, "*axes target"], values: Tensor) -> Tensor:
    """The values at the first step, zeros elsewhere."""
    return torch.where(first.unsqueeze(-1), values, 0.0)
