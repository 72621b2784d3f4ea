"""Dot-product score."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.check import expect_keys, expect_query, expect_sizes
from regard.attention.history import History


class DotScore(nn.Module):
    """Dot product: the query and the key must live in the same space.

        score(q, k) = q · k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.1 "dot".

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.

    On paper: [1, 2] · [3, 4] = 3 + 8 and [1, 2] · [0, 1] = 2.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = DotScore(2, 2)
        >>> keys = torch.tensor([[[3.0, 4.0], [0.0, 1.0]]])
        >>> score(torch.tensor([[[1.0, 2.0]]]), score.prepare(keys), History.start(torch.zeros(1, 0))).tolist()
        [[[11.0, 2.0]]]
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
