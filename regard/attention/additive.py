"""Additive (concat) score."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_features, expect_keys, expect_query
from regard.kernels.additive import additive_scores
from regard.kernels.library import kernels


class AdditiveScore(nn.Module):
    """Additive (concat, MLP) score: a small network compares each query with each key.

        score(q, k) = v · tanh(W q + U k)
        score(q, k) = g v/‖v‖ · tanh(W q + U k + b)   if normalized

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.1.2. W, U, v there are `project_query`,
    `project_key`, `energy` here; no biases there. The second line is the energy of Raffel et al. 2017,
    arXiv:1704.00784, section 2.4, but for its offset r, which `monotonic` adds: g is `gain` here, b the bias of
    `project_key`. With `bias` each of the three layers has one, as in the tutorials where many people first met this
    score: v · tanh(W q + a + U k + b) + c. Softmax does not depend on c.

    Args:
        query_size: features of a query.
        key_size: features of a key.
        hidden_size: width of the comparison; `query_size` if not given.
        normalized: v has the direction of a parameter and the learned length g, 1/√hidden at first; adds the bias b.
            Raffel et al. use it with `monotonic`.
        bias: whether the three layers have biases.

    Cost: time O(batch·(target·source + target·query + source·key)·hidden), memory
    O(batch·(target·source + (target + source)·hidden)). See `kernels/additive.py`.

    On paper: with every weight 1, q = [atanh 0.5], k = [0] and k = [atanh 0.25 − atanh 0.5] score 0.5 and 0.25.

        >>> import torch
        >>> from regard.attention.history import History
        >>> score = AdditiveScore(1, 1, 1)
        >>> for weight in score.parameters():
        ...     _ = weight.data.fill_(1.0)
        >>> half, quarter = torch.tensor([0.5, 0.25]).atanh().view(2, 1, 1, 1)
        >>> prepared = score.prepare(torch.cat([0 * half, quarter - half], 1))
        >>> score(half, prepared, History.start(torch.zeros(1, 0))).detach()
        tensor([[[0.5000, 0.2500]]])
    """

    sequential = False

    def __init__(
        self,
        query_size: int,
        key_size: int,
        hidden_size: int | None = None,
        *,
        normalized: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        hidden_size = query_size if hidden_size is None else hidden_size
        expect_features("AdditiveScore", {"query_size": query_size, "key_size": key_size, "hidden_size": hidden_size})
        self.project_query = nn.Linear(query_size, hidden_size, bias=bias)
        self.project_key = nn.Linear(key_size, hidden_size, bias=normalized or bias)
        self.energy = nn.Linear(hidden_size, 1, bias=bias)
        self.gain = nn.Parameter(torch.tensor(1 / math.sqrt(hidden_size))) if normalized else None

    @property
    def vector(self) -> Float[Tensor, " hidden"]:
        """v, or g v/‖v‖."""
        vector = self.energy.weight.squeeze(0)
        return vector if self.gain is None else self.gain * vector / vector.norm()

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source hidden"]:
        """U k + b (if there is a bias), once per source."""
        expect_keys("AdditiveScore.prepare", keys, self.project_key.in_features)
        return self.project_key(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source hidden"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        if query.dim() != 3 or query.size(2) != self.project_query.in_features:
            expect_query("AdditiveScore.forward", query, self.project_query.in_features)
        query = self.project_query(query)
        if kernels().off:
            scores = torch.tanh(query.unsqueeze(2) + prepared.unsqueeze(1)) @ self.vector
        else:
            scores = additive_scores(query, prepared, self.vector)
        return scores if self.energy.bias is None else scores + self.energy.bias
