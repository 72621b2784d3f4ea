"""Coverage score: additive, with the sum of the weights that each source position had so far."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_features, expect_keys, expect_positive, expect_query
from regard.kernels.additive import additive_scores


class CoverageScore(nn.Module):
    """Additive score that also reads the coverage: the sum of a position's weights so far, divided by its fertility.

        Φ_s = N · σ(U_f k_s),   C_s(t−1) = Σ_{i<t} weights_s(i) / Φ_s
        score(q, k_s) = v · tanh(W q + U k_s + V C_s(t−1))

    Source: Tu et al. 2016, arXiv:1601.04811, section 3.1, the linguistic coverage with fertility. W,
    U, V, v there are `project_query`, `project_key`, `project_coverage`, `energy` here, U_f is `fertility`.

    Args:
        query_size: features of a query.
        key_size: features of a key.
        hidden_size: width of the comparison; `query_size` if not given.
        max_fertility: most target positions for one source position (N, 2 in the paper).

    Cost: time O(batch·(target·source + target·query + source·key)·hidden), memory O(batch·target·source·hidden).
    A step alone holds batch·source·hidden.

    On paper: V, v = 1 and the rest 0 leave tanh of the coverage. U_f = 0 gives Φ = 2 · σ(0) = 1.

        >>> import torch
        >>> from dataclasses import replace
        >>> from regard.attention.history import History
        >>> score = CoverageScore(1, 1)
        >>> for name, parameter in score.named_parameters():
        ...     _ = parameter.data.fill_(float(name in ("energy.weight", "project_coverage.weight")))
        >>> before = replace(History.start(torch.zeros(1, 2)), total=torch.tensor([[0.0, 0.25]]).atanh())
        >>> score(torch.ones(1, 1, 1), score.prepare(torch.ones(1, 2, 1)), before).detach()
        tensor([[[0.0000, 0.2500]]])
    """

    sequential = True

    def __init__(
        self, query_size: int, key_size: int, *, hidden_size: int | None = None, max_fertility: float = 2.0
    ) -> None:
        super().__init__()
        expect_positive("CoverageScore", "max_fertility", max_fertility, "Leave it out for 2.")
        hidden_size = query_size if hidden_size is None else hidden_size
        expect_features("CoverageScore", {"query_size": query_size, "key_size": key_size, "hidden_size": hidden_size})
        self.max_fertility = max_fertility
        self.project_query = nn.Linear(query_size, hidden_size, bias=False)
        self.project_key = nn.Linear(key_size, hidden_size, bias=False)
        self.project_coverage = nn.Linear(1, hidden_size, bias=False)
        self.fertility = nn.Linear(key_size, 1, bias=False)
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source hidden_1"]:
        """U k, and in the last feature the fertility Φ, once per source."""
        expect_keys("CoverageScore.prepare", keys, self.project_key.in_features)
        fertility = self.max_fertility * torch.sigmoid(self.fertility(keys))
        return torch.cat([self.project_key(keys), fertility], -1)

    def forward(
        self,
        query: Float[Tensor, "batch 1 query"],
        prepared: Float[Tensor, "batch source hidden_1"],
        history: History,
    ) -> Float[Tensor, "batch 1 source"]:
        """Score one target position against every source position."""
        expect_query("CoverageScore.forward", query, self.project_query.in_features)
        coverage = history.total.unsqueeze(-1) / prepared[..., -1:]
        keys = prepared[..., :-1] + self.project_coverage(coverage)
        return additive_scores(self.project_query(query), keys, self.energy.weight.squeeze(0))
