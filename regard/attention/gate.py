"""A gate on the context: how much of what was looked at a step lets in."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Gate = Literal["none", "scalar", "vector"]


class ContextGate(nn.Module):
    """How much the source counts at a step, from 0 to 1.

        β(t) = σ(W q(t) + b),  context(t) = β(t) · Σ_i α(t,i) v(i)

    Source: Xu et al. 2015, "Show, Attend and Tell", arXiv:1502.03044, section 4.2.1, where q(t) is the state before the
    step and β(t) one number. The weights α stay as they are: what is shown is where a step looked, not how much it
    used.

    Args:
        query_size: features of a query.
        size: 1 for one number a step; the features of a context for a number for each of them.

    Masks: none here; the weights are zero at padding. At β = 1 the context is what it is without a gate.

    Cost: time O(batch·target·query·size), memory O(batch·target·value).

    A query that says nothing lets in half of the context:

        >>> import torch
        >>> gate = ContextGate(2)
        >>> _ = gate.project.bias.data.zero_()
        >>> gate(torch.zeros(1, 1, 2), torch.tensor([[[2.0, 4.0]]])).tolist()
        [[[1.0, 2.0]]]
    """

    def __init__(self, query_size: int, size: int = 1) -> None:
        super().__init__()
        self.project = nn.Linear(query_size, size)

    def forward(
        self, query: Float[Tensor, "batch target query"], context: Float[Tensor, "batch target value"]
    ) -> Float[Tensor, "batch target value"]:
        """The context that is let in."""
        return torch.sigmoid(self.project(query)) * context
