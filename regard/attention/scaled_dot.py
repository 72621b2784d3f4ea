"""Scaled dot-product score."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_keys, expect_query, expect_sizes


class ScaledDotScore(nn.Module):
    """Dot product divided by √d, so that its variance stays one.

        score(q, k) = q · k / √d

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; d is `query_size`.

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.

    Cost: time O(batch·target·source·query), memory O(batch·target·(source + query)).

    On paper: [1, 1, 1, 1] · [1, 2, 3, 4] / √4 = 10 / 2.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = ScaledDotScore(4, 4)
        >>> keys = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
        >>> score(torch.ones(1, 1, 4), score.prepare(keys), History.start(torch.zeros(1, 0))).tolist()
        [[[5.0]]]
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        expect_sizes("ScaledDotScore", query_size, key_size)
        self.size = key_size
        self.scale = 1 / math.sqrt(query_size)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        expect_keys("ScaledDotScore.prepare", keys, self.size)
        return keys

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("ScaledDotScore.forward", query, self.size)
        return torch.einsum("btd,bsd->bts", query * self.scale, prepared)
