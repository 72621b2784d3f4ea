"""Luong's location score: a score for each source position, from the query only."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_features, expect_keys, expect_query


class LocationScore(nn.Module):
    """One learned score per absolute source position; the key is not used.

        score(q, s) = W_s q   for s < max_source

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 8 "location". W is `project_query`. As in its footnote
    the top rows serve short sources, and words of a long one behind `max_source` are ignored: their score is the
    lowest finite number, so that every selection that reads scores gives them nothing.

    Args:
        query_size: features of a query.
        key_size: features of a key; only their number of positions is used.
        max_source: positions that have a score.

    Cost: time O(batch·target·source·query), memory O(source·(batch·target + query)).

    On paper: W = [[1, 0], [0, 1]] and q = [2, 3]; a third position is ignored.

        >>> import torch
        >>> from regard.attention.build import build_attention
        >>> attention = build_attention(2, 1, score="location", options={"location": {"max_source": 2}})
        >>> _ = attention.score.project_query.weight.data.copy_(torch.eye(2))
        >>> source = attention.prepare(torch.zeros(1, 3, 1), torch.zeros(1, 3, 1), torch.ones(1, 3, dtype=torch.bool))
        >>> query = torch.tensor([[[2.0, 3.0]]])
        >>> attention(query, source, attention.begin(source)).weights.detach()  # 1 / (1 + e), e / (1 + e), 0
        tensor([[[0.2689, 0.7311, 0.0000]]])
    """

    sequential = False

    def __init__(self, query_size: int, key_size: int, *, max_source: int = 200) -> None:
        super().__init__()
        expect_features("LocationScore", {"query_size": query_size, "key_size": key_size})
        if max_source < 1:
            raise ValueError(f"LocationScore: max_source is {max_source}; expected 1 or more. Give the longest source.")
        self.key_size = key_size
        self.project_query = nn.Linear(query_size, max_source, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source 0"]:
        """Nothing but the number of positions."""
        expect_keys("LocationScore.prepare", keys, self.key_size)
        return keys[..., :0]

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source 0"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every source position for every target position."""
        expect_query("LocationScore.forward", query, self.project_query.in_features)
        # No branch on the length: an exported graph would use one branch for all lengths.
        positions = torch.arange(prepared.size(1), device=query.device)
        weight = self.project_query.weight
        scores = nn.functional.linear(query, weight[positions.clamp(max=weight.size(0) - 1)])
        return scores.masked_fill(positions >= weight.size(0), torch.finfo(scores.dtype).min)
