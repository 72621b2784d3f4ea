"""Dot-product score."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_keys, expect_query, expect_sizes


class DotScore(nn.Module):
    """Dot product: the query and the key must live in the same space.

        score(q, k) = q · k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.1 "dot".

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.

    Cost: time O(batch·target·source·query), memory O(batch·target·source).

    On paper: [10, 5, 10] · [5, 0, 1] = 50 + 0 + 10, [10, 5, 10] · [0, 1, 1] = 0 + 5 + 10 and so on.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = DotScore(3, 3)
        >>> keys = torch.tensor([[[5.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]])
        >>> score(torch.tensor([[[10.0, 5.0, 10.0]]]), score.prepare(keys), History.start(torch.zeros(1, 0))).tolist()
        [[[60.0, 15.0, 15.0]]]
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        expect_sizes("DotScore", query_size, key_size)
        self.size = key_size

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        expect_keys("DotScore.prepare", keys, self.size)
        return keys

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("DotScore.forward", query, self.size)
        return torch.einsum("btd,bsd->bts", query, prepared)
