"""Selections that give exactly zero to positions of low score: projections onto the simplex."""

import torch
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.select import Scores, Selected, Visible, deterministic, fill_hidden


class Sparsemax(nn.Module):
    """The point of the simplex that is nearest to the scores.

        weights = max(score − τ, 0),   τ such that they sum to one

    Source: Martins & Astudillo 2016, arXiv:1602.02068, eq. 2 and algorithm 1. The gradient, through τ, is that of its
    eq. 9: over the support, the gradient less its mean.

    Cost: time O(batch·target·source·log(source)), memory O(batch·target·source).

    On paper: of scores 1, 0.5 and −1 two are in the support, τ = (1 + 0.5 − 1) / 2.

        >>> import torch
        >>> from regard.attention.history import History
        >>> visible = torch.tensor([[[True, True, True, False]]])
        >>> Sparsemax()(torch.tensor([[[1.0, 0.5, -1.0, 9.0]]]), visible, History.start(torch.zeros(1, 0))).weights
        tensor([[[0.7500, 0.2500, 0.0000, 0.0000]]])
    """

    sequential = False

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights that sum to one over the visible positions."""
        shifted = _shift(scores, visible)
        descending, counts = _sort(shifted)
        sums = descending.cumsum(-1)
        size = (1 + counts * descending > sums).sum(-1, keepdim=True)
        threshold = (sums.gather(-1, size - 1) - 1) / size
        return _finish((shifted - threshold).clamp(min=0), scores, visible)


class Entmax15(nn.Module):
    """Between softmax and sparsemax: zero for low scores, smooth for others.

        weights = max(score / 2 − τ, 0)²,   τ such that they sum to one

    Source: Peters, Niculae & Martins 2019, arXiv:1905.05702, eq. 8 and algorithm 2: entmax with α = 1.5. The gradient,
    through τ, is that of its proposition 2, with the square roots of the weights as s.

    Cost: time O(batch·target·source·log(source)), memory O(batch·target·source).

    On paper: scores 1.4, −0.2, −9 are 0.7, −0.1, −4.5 by half; τ = −0.1 leaves 0.8² only, τ = −0.4 leaves 1.1² + 0.3²,
    and τ = −0.286 leaves 0.986² + 0.186² = 1: with mean m = 0.3 and n = 2, τ = m − √((1 − Σ(z − m)²) / n) where
    Σ(z − m)² = 0.32, that is 0.3 − √0.34.

        >>> import torch
        >>> from regard.attention.history import History
        >>> visible = torch.tensor([[[True, True, True, False]]])
        >>> start = History.start(torch.zeros(1, 0))
        >>> Entmax15()(torch.tensor([[[1.4, -0.2, -9.0, 9.0]]]), visible, start).weights.sqrt()
        tensor([[[0.9831, 0.1831, 0.0000, 0.0000]]])
    """

    sequential = False

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights that sum to one over the visible positions."""
        shifted = _shift(scores, visible, 0.5)
        descending, counts = _sort(shifted)
        means, squares = descending.cumsum(-1) / counts, descending.square().cumsum(-1) / counts
        spare = (1 - counts * (squares - means.square())) / counts
        size = (means - spare.clamp(min=0).sqrt() <= descending).sum(-1, keepdim=True)
        # The root is taken behind the gather: at the sizes that are not chosen it may be that of zero, without a slope.
        threshold = means.gather(-1, size - 1) - spare.gather(-1, size - 1).sqrt()
        return _finish((shifted - threshold).clamp(min=0).square(), scores, visible)


def _shift(scores: Tensor, visible: Tensor, scale: float = 1.0) -> Tensor:
    """The scores below their maximum, in single precision at least, clamped where weights are zero.

    The threshold of both selections is at least the maximum less one. Cutting at two below leaves room, keeps the sums
    exact where scores are far apart, and is where hidden positions are put.
    """
    filled = fill_hidden(scores, visible).to(torch.promote_types(scores.dtype, torch.float32))
    largest = filled.amax(-1, keepdim=True).detach()
    return ((filled - largest) * scale).clamp(min=-2).masked_fill(~visible, -2)


def _sort(shifted: Tensor) -> tuple[Tensor, Tensor]:
    counts = torch.arange(1, shifted.size(-1) + 1, device=shifted.device, dtype=shifted.dtype)
    return shifted.sort(-1, descending=True).values, counts


def _finish(weights: Tensor, scores: Tensor, visible: Tensor) -> Selected:
    return deterministic(weights.masked_fill(~visible, 0.0).to(scores.dtype))
