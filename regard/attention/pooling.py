"""A sequence as one vector: attention with a learned query, or saliency (max pooling, gates) without a query."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.attention import Attended, Attention
from regard.attention.build import build_attention
from regard.check import expect_features, expect_module, expect_sequence


@dataclass(frozen=True)
class Pooled:
    """A sequence in one vector.

    Args:
        vector: zeros where nothing is real.
        weights: the share of each position in the vector; zero at padding. Of several looks the mean.
        heads: the weights of each look, where there are several.
        log_prob, entropy: as in `Attended`; None for a kind that never samples.
    """

    vector: Float[Tensor, "batch value"]
    weights: Float[Tensor, "batch source"]
    heads: Float[Tensor, "batch heads source"] | None = None
    log_prob: Float[Tensor, " batch"] | None = None
    entropy: Float[Tensor, " batch"] | None = None


class AttentionPooling(nn.Module):
    """Attention with one learned query for all sequences.

        u_s = tanh(U h_s + b),   weights = softmax(v · u_s),   vector = Σ weights_s h_s

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", eq. 5 to 7. The formula is
    that of the additive score, the default: its v is their context vector u_w, and W q, with q the learned `question`,
    is their bias b. Any other attention does as well.

    Args:
        value_size: features of a position.
        attention: built for queries and keys of `value_size`; additive softmax attention over everything if None.

    Cost: time O(batch·source·value·value), memory O(batch·source·value). With another attention, that one's.

    On paper: with v and W zero, every position has the same weight.

        >>> import torch
        >>> pool = AttentionPooling(1)
        >>> _ = pool.attention.score.energy.weight.data.zero_()
        >>> pooled = pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
        >>> pooled.vector.detach(), pooled.weights.detach()
        (tensor([[2.]]), tensor([[0.5000, 0.5000, 0.0000]]))
    """

    def __init__(self, value_size: int, attention: Attention | None = None) -> None:
        super().__init__()
        expect_features("AttentionPooling", {"value_size": value_size})
        self.attention = build_attention(value_size, value_size) if attention is None else attention
        self.question = nn.Parameter(torch.randn(value_size) / value_size**0.5)

    @property
    def output_size(self) -> int:
        """Features of the vector."""
        return self.question.size(0)

    def forward(
        self, values: Float[Tensor, "batch source value"], mask: Bool[Tensor, "batch source"], temperature: float = 1.0
    ) -> Pooled:
        """Attend to every sequence with the learned query; the temperature is that of an annealed selection."""
        expect_sequence("AttentionPooling.forward", values, mask, self.question.size(0))
        expect_module("AttentionPooling.forward", "values", values, self)
        source = self.attention.prepare(values, values, mask)
        query = self.question.to(values.dtype).expand(values.size(0), 1, -1)
        attended: Attended = self.attention(query, source, self.attention.begin(source, temperature=temperature))
        heads = None if attended.heads is None else attended.heads.squeeze(2)
        sampled = attended.log_prob.squeeze(1), attended.entropy.squeeze(1)
        return Pooled(attended.context.squeeze(1), attended.weights.squeeze(1), heads, *sampled)


class MaxPooling(nn.Module):
    """The largest value of each feature.

        vector_i = max_s h_si,   weights_s = share of the features whose largest value is at s

    Source: Qiu 2020, "Neural Networks and Deep Learning", chapter 8: attention by saliency. Of equal values the first
    counts. It has no parameters; the size is taken so that every pooling is built alike.

    Args:
        value_size: features of a position.

    Cost: time O(batch·source·value), memory O(batch·source·value).

        >>> import torch
        >>> values = torch.tensor([[[1.0, 5.0, 0.0], [2.0, 3.0, -1.0], [9.0, 9.0, 9.0]]])
        >>> pooled = MaxPooling(3)(values, torch.tensor([[True, True, False]]))
        >>> pooled.vector, pooled.weights
        (tensor([[2., 5., 0.]]), tensor([[0.6667, 0.3333, 0.0000]]))
    """

    def __init__(self, value_size: int) -> None:
        super().__init__()
        expect_features("MaxPooling", {"value_size": value_size})
        self.value_size = value_size

    @property
    def output_size(self) -> int:
        """Features of the vector."""
        return self.value_size

    def forward(
        self, values: Float[Tensor, "batch source value"], mask: Bool[Tensor, "batch source"], temperature: float = 1.0
    ) -> Pooled:
        """The largest real value of each feature, and its position; there is nothing to anneal."""
        expect_sequence("MaxPooling.forward", values, mask, self.value_size)
        lowest = torch.finfo(values.dtype).min
        largest, where = values.masked_fill(~mask.unsqueeze(-1), lowest).max(1)
        positions = torch.arange(values.size(1), device=values.device).unsqueeze(-1)
        votes = (where.unsqueeze(1) == positions) & mask.unsqueeze(-1)
        vector = largest.masked_fill(~mask.any(1, keepdim=True), 0.0)
        return Pooled(vector, votes.to(values.dtype).mean(-1))


class GatedPooling(nn.Module):
    """The sum of all positions, each times its gate; gates do not depend on each other.

        weights_s = σ(w · h_s + b),   vector = Σ weights_s h_s

    Source: Qiu 2020, "Neural Networks and Deep Learning", chapter 8: gating as attention by saliency. The weights do
    not compete, and do not sum to one.

    Args:
        value_size: features of a position.

    Cost: time O(batch·source·value), memory O(batch·source·value).

    On paper: σ(0) = 1/2 of everything.

        >>> import torch
        >>> pool = GatedPooling(1)
        >>> _ = pool.gate.weight.data.zero_(), pool.gate.bias.data.zero_()
        >>> pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])).vector.detach()
        tensor([[2.]])
    """

    def __init__(self, value_size: int) -> None:
        super().__init__()
        expect_features("GatedPooling", {"value_size": value_size})
        self.gate = nn.Linear(value_size, 1)

    @property
    def output_size(self) -> int:
        """Features of the vector."""
        return self.gate.in_features

    def forward(
        self, values: Float[Tensor, "batch source value"], mask: Bool[Tensor, "batch source"], temperature: float = 1.0
    ) -> Pooled:
        """The gated sum; there is nothing to anneal."""
        expect_sequence("GatedPooling.forward", values, mask, self.gate.in_features)
        expect_module("GatedPooling.forward", "values", values, self)
        values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
        weights = torch.sigmoid(self.gate(values)).squeeze(-1).masked_fill(~mask, 0.0)
        return Pooled(torch.einsum("bs,bsd->bd", weights, values), weights)
