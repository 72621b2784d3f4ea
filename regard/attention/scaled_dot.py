"""Scaled dot-product score."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.dot import DotScore
from regard.attention.history import History


class ScaledDotScore(nn.Module):
    """Dot product with its variance kept at one.

        score(q, k) = q · k / √d

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; d is `query_size`.

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.dot = DotScore(query_size, key_size)
        self.scale = 1 / math.sqrt(query_size)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        return self.dot.prepare(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        return self.dot(query * self.scale, prepared, history)
