"""Position encodings: added to the features, or to the scores."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.check import expect_features, expect_floating, expect_query, expect_shape


class SinusoidalPositions(nn.Module):
    """Adds sine and cosine waves to the features, which encode positions and distances.

        PE(p, 2i) = sin(p / 10000^(2i / d)),   PE(p, 2i + 1) = cos(p / 10000^(2i / d)),   y_p = x_p + PE(p)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5. No parameters, and any length.

    Args:
        size: d, the features; even.

    Cost: time O(batch·length·size), memory O(batch·length·size).

    On paper: d = 4; position 1 is sin 1, cos 1, sin 0.01, cos 0.01.

        >>> import torch
        >>> SinusoidalPositions(4)(torch.zeros(1, 2, 4))
        tensor([[[0.0000, 1.0000, 0.0000, 1.0000],
                 [0.8415, 0.5403, 0.0100, 0.9999]]])
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        if size < 2 or size % 2:
            raise ValueError(
                f"SinusoidalPositions: size is {size}; expected an even number. Each wave needs a sine and a cosine."
            )
        self.size = size

    def forward(
        self, features: Float[Tensor, "batch length size"], start: int = 0
    ) -> Float[Tensor, "batch length size"]:
        """The features of positions start, start + 1, … plus their waves."""
        place, axes = "SinusoidalPositions.forward", ("batch", "length", self.size)
        expect_shape(place, "features", features, axes, "Set size to the number of features, batch first.")
        expect_floating(place, "features", features)
        if start < 0:
            raise ValueError(f"{place}: start is {start}; expected 0 or more. Count the positions from 0.")
        positions = torch.arange(start, start + features.size(1), device=features.device, dtype=torch.float32)
        even = torch.arange(0, self.size, 2, device=features.device, dtype=torch.float32)
        angles = positions.unsqueeze(1) * torch.exp(even * (-math.log(10000) / self.size))
        waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        return features + waves.to(features.dtype)


class RelativeScore(nn.Module):
    """Any score, plus a learned term for the distance between query and key.

        score(q_i, k_j) = inner(q_i, k_j) + q_i · a_{clip(j − i, −K, K)} / √d

    Source: Shaw, Uszkoreit & Vaswani 2018, arXiv:1803.02155, eq. 4 and 5, without its eq. 3 for values; with
    `scaled_dot` inside the sum is theirs exactly. For self-attention, where queries and keys count the same positions.

    Args:
        score: an entry of `SCORES`, built.
        query_size: features of a query, d.
        max_distance: K; larger distances count as K.

    Cost: time O(batch·target·(max_distance·query + source)), memory O(batch·target·(max_distance + source)).
    Beside those of the score inside.

    On paper: K = 1, d = 1, a = [2, 3, 5] for left, here, right, and keys of zero.

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.dot import DotScore
        >>> score = RelativeScore(DotScore(1, 1), 1, max_distance=1)
        >>> _ = score.relative.weight.data.copy_(torch.tensor([[2.0], [3.0], [5.0]]))
        >>> keys = score.prepare(torch.zeros(1, 4, 1))
        >>> score(torch.ones(1, 2, 1), keys, History.start(torch.zeros(1, 0))).detach()
        tensor([[[3., 5., 5., 5.],
                 [2., 3., 5., 5.]]])
    """

    timed = True

    def __init__(self, score: nn.Module, query_size: int, *, max_distance: int = 16) -> None:
        super().__init__()
        if max_distance < 1:
            raise ValueError(f"RelativeScore: max_distance is {max_distance}; expected 1 or more. Leave it out for 16.")
        expect_features("RelativeScore", {"query_size": query_size})
        # Any: torch knows no type of module with a `prepare`.
        self.score: Any = score
        self.sequential = bool(score.sequential)
        self.max_distance = max_distance
        self.relative = nn.Embedding(2 * max_distance + 1, query_size)

    @property
    def first_weights(self) -> Any:
        """That of the score inside, if it has one."""
        return getattr(self.score, "first_weights", None)

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source prepared"]:
        """What the score inside prepares."""
        return self.score.prepare(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source prepared"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        expect_query("RelativeScore.forward", query, self.relative.embedding_dim)
        # One product per distance, not per pair: linear in memory.
        answers = nn.functional.linear(query, self.relative.weight) / math.sqrt(query.size(-1))
        sources = torch.arange(prepared.size(1), device=query.device)
        distance = sources - history.positions(query.size(1)).unsqueeze(-1)  # (batch, target, source)
        place = distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
        return self.score(query, prepared, history) + answers.gather(-1, place)
