"""General (bilinear) score."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History


class GeneralScore(nn.Module):
    """Bilinear score: a learned matrix takes the key into the space of the query.

        score(q, k) = qᵀ W k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 8 "general". W is `project_key`; no bias.

    Args:
        query_size: features of a query.
        key_size: features of a key.
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.project_key = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source query"]:
        """W k, once per source."""
        return self.project_key(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        return torch.einsum("btd,bsd->bts", query, prepared)
