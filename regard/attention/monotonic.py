"""Monotonic selection: from left to right, never back."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.noise import normal
from regard.attention.select import Selected, deterministic


class Monotonic(nn.Module):
    """Move right from the last step's position, and stop at each position with a probability given by its score.

        p_s(t) = σ(score_s(t) + r + noise)
        q_s(t) = (1 − p_{s−1}(t)) q_{s−1}(t) + weights_s(t−1),   weights_s(t) = p_s(t) q_s(t)

    Source: Raffel et al. 2017, arXiv:1704.00784, eq. 11 to 14. The offset r is of its section 2.4. The gain g·v/‖v‖ of
    the energy there belongs to the score, and is left out unless that is `additive` with `normalized: true`. The noise
    before the sigmoid, which drives p to 0 or 1, is of section 2.5. Before the first step all weight is on the first
    position. In training mode the weights are the expected alignment; they may sum to less than one, since it may stop
    nowhere. In evaluation mode there is no noise, as in section 2.2: it stops at the first position, from the last one
    on, whose logit is above zero; after a step without such a position, all weights are zero.

    The recursion is computed by doubling, in log₂ source rounds of sums and products of numbers in [0, 1]. The paper's
    code divides cumulative products and clips, which is less exact.

    Args:
        offset: r before training; below zero, so that the walk does not stop everywhere at first.
        noise: standard deviation of the noise in training mode.

    Cost: time O(batch·target·source·log(source)), memory O(batch·target·source·log(source)).

    On paper: p = 1/2 everywhere. The first step stops at 1/2, 1/4, 1/8, and with the rest runs past the end. The second
    reaches q = 1/2, 1/4 + 1/4, 1/4 + 1/8.

        >>> import torch
        >>> from dataclasses import replace
        >>> from regard.attention.history import History
        >>> select, scores = Monotonic(offset=0.0, noise=0.0), torch.zeros(1, 1, 3)
        >>> start, visible = History.start(torch.zeros(1, 3)), torch.ones(1, 1, 3, dtype=torch.bool)
        >>> first = select(scores, visible, start).weights.detach()
        >>> first
        tensor([[[0.5000, 0.2500, 0.1250]]])
        >>> select(scores, visible, replace(start, step=start.step + 1, previous=first[0])).weights.detach()
        tensor([[[0.2500, 0.2500, 0.1875]]])
    """

    sequential = True
    timed = True
    random = True

    def __init__(self, *, offset: float = -1.0, noise: float = 1.0) -> None:
        super().__init__()
        if not math.isfinite(offset):
            raise ValueError(f"Monotonic: offset is {offset}; expected a finite number. Leave it out for -1.")
        if not 0 <= noise < math.inf:
            raise ValueError(f"Monotonic: noise is {noise}; expected 0 or more. Give 0 for none.")
        self.offset = nn.Parameter(torch.tensor(float(offset)))
        self.noise = noise

    def forward(
        self,
        scores: Float[Tensor, "batch 1 source"],
        visible: Bool[Tensor, "batch 1 source"],
        history: History,
    ) -> Selected:
        """The expected alignment in training mode, the hard one in evaluation mode."""
        logits = scores + self.offset
        before = _before(history).unsqueeze(1)
        if not self.training:
            ahead = (logits > 0) & visible & (before.cumsum(-1) > 0)
            return deterministic((ahead & (ahead.cumsum(-1) == 1)).to(scores.dtype))
        noise = normal(history.seed, history.positions(1), scores.size(2)).to(scores.dtype)
        stop = torch.sigmoid(logits + self.noise * noise).masked_fill(~visible, 0.0)
        return deterministic(stop * _reach(1 - stop, before.to(stop.dtype)))


def _before(history: History) -> Tensor:
    """The weights of the step before; before the first step, all of it on the first position."""
    first = torch.arange(history.previous.size(1), device=history.previous.device) == 0
    begun = (history.step > 0).unsqueeze(1)
    return torch.where(begun, history.previous, first.to(history.previous.dtype))


def _reach(passing: Tensor, starting: Tensor) -> Tensor:
    """The solution of q_s = passing_{s−1} q_{s−1} + starting_s.

    After the round of width w, reached_s holds what started at most 2w − 1 positions before s, and factor_s the
    probability of passing the 2w positions before s.
    """
    length, width = passing.size(-1), 1
    factor, reached = nn.functional.pad(passing[..., :-1], (1, 0)), starting
    while width < length:
        reached = reached + factor * nn.functional.pad(reached[..., :-width], (width, 0))
        factor = factor * nn.functional.pad(factor[..., :-width], (width, 0))
        width *= 2
    return reached
