"""Dot-product score."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History


class DotScore(nn.Module):
    """Dot product: the query and the key must live in the same space.

        score(q, k) = q · k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 8 "dot".

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        if query_size != key_size:
            raise ValueError(
                f"{type(self).__name__}: query_size is {query_size} and key_size is {key_size}; expected the same size. "
                "Use the general score, which has a matrix between them."
            )

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        return keys

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        return torch.einsum("btd,bsd->bts", query, prepared)
