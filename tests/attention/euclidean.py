"""Euclidean score. Not a part of Regard: the tests add it to a copy, as `CONTRIBUTING.md` says."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_keys, expect_query


class EuclideanScore(nn.Module):
    """The nearest key scores highest.

        score(q, k) = −|q − W k|²

    Source: none; it is an exercise. W is `project_key`.

    Args:
        query_size: features of a query.
        key_size: features of a key.

    Cost: time O(batch·source·query·(target + key)), memory O(batch·(target·source + source·query)).

    On paper: W = 1, q = 5, k = 2 and 4.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = EuclideanScore(1, 1)
        >>> _ = score.project_key.weight.data.fill_(1.0)
        >>> prepared = score.prepare(torch.tensor([[[2.0], [4.0]]]))
        >>> score(torch.tensor([[[5.0]]]), prepared, History.start(torch.zeros(1, 0))).detach().tolist()
        [[[-9.0, -1.0]]]
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.project_key = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source query"]:
        """W k, once per source."""
        expect_keys("EuclideanScore.prepare", keys, self.project_key.in_features)
        return self.project_key(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("EuclideanScore.forward", query, self.project_key.out_features)
        product = torch.einsum("btd,bsd->bts", query, prepared)
        return 2 * product - query.square().sum(-1).unsqueeze(-1) - prepared.square().sum(-1).unsqueeze(1)
