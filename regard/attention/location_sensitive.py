"""Location-sensitive score: additive, with a convolution over the weights of the step before."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_choice, expect_features, expect_keys, expect_query
from regard.kernels.additive import additive_scores

FIRST = ("zeros", "position", "uniform")


class LocationSensitiveScore(nn.Module):
    """Additive score that also reads a convolution over the weights of the step before.

        f = F ∗ weights(t−1),   score(q, k_s) = w · tanh(W q + V k_s + U f_s + b)

    Source: Chorowski et al. 2015, arXiv:1506.07503, section 2.2. W, V, U, w there are `project_query`, `project_key`,
    `project_location`, `energy` here, F is `convolve`, b is the bias of `project_key`. The paper does not define the
    weights before the first step. They are zeros here unless `first` says otherwise; the code of its authors puts all
    on position 0, ESPnet the same everywhere.

    Args:
        query_size: features of a query.
        key_size: features of a key.
        hidden_size: width of the comparison; `query_size` if not given.
        channels: filters of the convolution (k in the paper, 10 there).
        width: positions that a filter sees, odd (r in the paper, 201 for frames of speech).
        first: the weights before the first step: `zeros`, `position` (all on position 0) or `uniform` (the same on
            every real position).

    Cost: time O(batch·(target·source·channels·(width + hidden) + (target·query + source·key)·hidden)), memory
    O(batch·target·source·(hidden + channels)). A step alone holds batch·source·(hidden + channels).

    On paper: w, U, F = 1 and W, V, b = 0 leave tanh of the weight before, here atanh 0.25 at the second position.

        >>> import torch
        >>> from dataclasses import replace
        >>> from regard.attention.history import History
        >>> score = LocationSensitiveScore(1, 1, channels=1, width=1)
        >>> for name, parameter in score.named_parameters():
        ...     _ = parameter.data.fill_(float(name[:12] in ("energy.weigh", "project_loca", "convolve.wei")))
        >>> before = replace(History.start(torch.zeros(1, 2)), previous=torch.tensor([[0.0, 0.25]]).atanh())
        >>> score(torch.ones(1, 1, 1), score.prepare(torch.ones(1, 2, 1)), before).detach()
        tensor([[[0.0000, 0.2500]]])
    """

    sequential = True

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        hidden_size: int | None = None,
        channels: int = 10,
        width: int = 15,
        first: str = "zeros",
    ) -> None:
        super().__init__()
        if width < 1 or width % 2 == 0:
            raise ValueError(
                f"LocationSensitiveScore: width is {width}; expected an odd number. "
                "An even one cannot look as far left as right."
            )
        if channels < 1:
            raise ValueError(
                f"LocationSensitiveScore: channels is {channels}; expected 1 or more. Leave it out for 10."
            )
        expect_choice("LocationSensitiveScore", "first", first, FIRST)
        hidden_size = query_size if hidden_size is None else hidden_size
        expect_features(
            "LocationSensitiveScore", {"query_size": query_size, "key_size": key_size, "hidden_size": hidden_size}
        )
        self.first = first
        self.project_query = nn.Linear(query_size, hidden_size, bias=False)
        self.project_key = nn.Linear(key_size, hidden_size)
        self.project_location = nn.Linear(channels, hidden_size, bias=False)
        self.convolve = nn.Conv1d(1, channels, width, padding=width // 2, bias=False)
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source hidden"]:
        """V k + b, once per source."""
        expect_keys("LocationSensitiveScore.prepare", keys, self.project_key.in_features)
        return self.project_key(keys)

    def first_weights(self, mask: Bool[Tensor, "batch source"]) -> Float[Tensor, "batch source"]:
        """The weights of a step before the first one; zeros in a row without real positions."""
        if self.first == "uniform":
            return mask / mask.sum(1, keepdim=True).clamp(min=1)
        weights = mask.new_zeros(mask.shape, dtype=torch.get_default_dtype())
        if self.first == "position":
            weights[:, 0] = mask[:, 0].to(weights.dtype)
        return weights

    def forward(
        self,
        query: Float[Tensor, "batch 1 query"],
        prepared: Float[Tensor, "batch source hidden"],
        history: History,
    ) -> Float[Tensor, "batch 1 source"]:
        """Score one target position against every source position."""
        expect_query("LocationSensitiveScore.forward", query, self.project_query.in_features)
        filtered = self.convolve(history.previous.unsqueeze(1)).transpose(1, 2)  # (batch, source, channels)
        keys = prepared + self.project_location(filtered)
        return additive_scores(self.project_query(query), keys, self.energy.weight.squeeze(0))
