"""Cosine score."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_keys, expect_positive, expect_query, expect_sizes


class CosineScore(nn.Module):
    """Cosine of the angle between query and key, made sharper by a learned strength.

        score(q, k) = β · q · k / (|q| |k|)

    Source: Graves, Wayne & Danihelka 2014, arXiv:1410.5401, eq. 5 and 6. There the controller emits β > 0 at every
    step; here it is one learned number, exp(`log_strength`). A vector of zeros has cosine 0 with everything.

    Args:
        query_size: features of a query.
        key_size: features of a key; must equal `query_size`.
        strength: β before training. With 1 the largest weight is at most e² times the smallest.

    Cost: time O(batch·target·source·query), memory O(batch·(target·source + (target + source)·query)).

    On paper: [3, 4] and [4, 3] have cosine 24/25, [3, 4] and [-6, -8] have -1; β = 5.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = CosineScore(2, 2, strength=5.0)
        >>> prepared = score.prepare(torch.tensor([[[4.0, 3.0], [-6.0, -8.0]]]))
        >>> score(torch.tensor([[[3.0, 4.0]]]), prepared, History.start(torch.zeros(1, 0))).detach()
        tensor([[[ 4.8000, -5.0000]]])
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int, *, strength: float = 8.0) -> None:
        super().__init__()
        expect_sizes("CosineScore", query_size, key_size)
        expect_positive("CosineScore", "strength", strength, "Leave it out for 8.")
        self.size = key_size
        self.log_strength = nn.Parameter(torch.tensor(math.log(strength)))

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys at length one."""
        expect_keys("CosineScore.prepare", keys, self.size)
        return _unit(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("CosineScore.forward", query, self.size)
        return torch.einsum("btd,bsd->bts", _unit(query) * self.log_strength.exp(), prepared)


def _unit(vectors: Tensor) -> Tensor:
    # torch's default of 1e-12 is zero in half precision.
    return nn.functional.normalize(vectors, dim=-1, eps=torch.finfo(vectors.dtype).eps)
