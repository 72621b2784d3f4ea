"""General (bilinear) score."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_features, expect_keys, expect_query


class GeneralScore(nn.Module):
    """Bilinear score: a learned matrix takes the key into the space of the query.

        score(q, k) = qᵀ W k

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.1 "general". W is `project_key`; no bias.

    Args:
        query_size: features of a query.
        key_size: features of a key.

    Cost: time O(batch·source·query·(target + key)), memory O(batch·source·(target + query)).

    On paper: W = [[1, 2, 3], [4, 5, 6]], k = [1, 0, 1] gives W k = [4, 10], and with q = [1, 2] the score is 24.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = GeneralScore(2, 3)
        >>> _ = score.project_key.weight.data.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        >>> prepared = score.prepare(torch.tensor([[[1.0, 0.0, 1.0]]]))
        >>> score(torch.tensor([[[1.0, 2.0]]]), prepared, History.start(torch.zeros(1, 0))).detach().tolist()
        [[[24.0]]]
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        expect_features("GeneralScore", {"query_size": query_size, "key_size": key_size})
        self.project_key = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source query"]:
        """W k, once per source."""
        expect_keys("GeneralScore.prepare", keys, self.project_key.in_features)
        return self.project_key(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("GeneralScore.forward", query, self.project_key.out_features)
        return torch.einsum("btd,bsd->bts", query, prepared)
