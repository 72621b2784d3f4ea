"""A sequence as several vectors side by side: each of some hops has weights of its own."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.pooling import Pooled
from regard.attention.select import masked_softmax
from regard.check import expect_features, expect_module, expect_sequence


class SelfAttentivePooling(nn.Module):
    """Structured self-attention: r looks at one sequence, each with weights of its own.

        A = softmax over s: W_2 tanh(W_1 Hᵀ),   vector = [A_1 H; …; A_r H],   weights = mean of A_1 … A_r

    Source: Lin et al. 2017, "A Structured Self-attentive Sentence Embedding", arXiv:1703.03130, eq. 5 and 6; no
    biases. H holds the sequence, a position a row. W_1 and W_2, d_a and r there are `project`, `energy`, `hidden_size`
    and `hops` here. The term of its eq. 8, by which the hops learn to look at different positions, belongs to the
    loss: `training.hop_penalty` of a recipe.

    Args:
        value_size: features of a position.
        hops: how many looks.
        hidden_size: width of the layer inside; `value_size` if None.

    Cost: time O(batch·source·(value + hops)·hidden + batch·source·hops·value), memory O(batch·source·(hidden + hops)).

    On paper: with W_2 zero, every position has the same weight in every hop.

        >>> import torch
        >>> pool = SelfAttentivePooling(1, hops=2)
        >>> _ = pool.energy.weight.data.zero_()
        >>> pooled = pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
        >>> pooled.vector.detach(), pooled.weights.detach()
        (tensor([[2., 2.]]), tensor([[0.5000, 0.5000, 0.0000]]))
    """

    def __init__(self, value_size: int, hops: int = 4, hidden_size: int | None = None) -> None:
        super().__init__()
        hidden_size = value_size if hidden_size is None else hidden_size
        expect_features("SelfAttentivePooling", {"value_size": value_size, "hops": hops, "hidden_size": hidden_size})
        self.project = nn.Linear(value_size, hidden_size, bias=False)
        self.energy = nn.Linear(hidden_size, hops, bias=False)

    @property
    def hops(self) -> int:
        """How many looks."""
        return self.energy.out_features

    @property
    def output_size(self) -> int:
        """Features of the vector."""
        return self.hops * self.project.in_features

    def forward(
        self, values: Float[Tensor, "batch source value"], mask: Bool[Tensor, "batch source"], temperature: float = 1.0
    ) -> Pooled:
        """All looks at every sequence; there is nothing to anneal."""
        expect_sequence("SelfAttentivePooling.forward", values, mask, self.project.in_features)
        expect_module("SelfAttentivePooling.forward", "values", values, self)
        values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
        scores = self.energy(torch.tanh(self.project(values))).transpose(1, 2)
        heads = masked_softmax(scores, mask.unsqueeze(1))
        return Pooled(torch.einsum("bhs,bsd->bhd", heads, values).flatten(1), heads.mean(1), heads)
