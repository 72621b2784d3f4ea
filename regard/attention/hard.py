"""Selections that choose one position: sampled, the best, and the relaxation between sampling and softmax."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.noise import gumbel, uniform
from regard.attention.select import (
    Scores,
    Selected,
    Visible,
    deterministic,
    fill_hidden,
    masked_log_softmax,
    masked_softmax,
)
from regard.check import expect_positive

INFERENCES = ("argmax", "expectation")


class Hard(nn.Module):
    """One position, sampled from softmax in training mode.

        s ~ softmax(scores),   weights = one at s, zero elsewhere;   in some rows weights = softmax(scores)

    Source: Xu et al. 2015, arXiv:1502.03044, section 4.1. No gradient goes through the choice: the record carries
    log p(s) and the entropy of softmax, with which an objective builds the score-function gradient of eq. 11; reward,
    moving baseline and the weight of the entropy belong to the objective. In evaluation mode nothing is sampled.

    Args:
        inference: in evaluation mode, "argmax" gives the most probable position, "expectation" gives softmax.
        expectation: the share of rows that use softmax in training mode, in all their steps; nothing is sampled there,
            so log p(s) is zero. 0.5 in the paper, to make training more robust.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    On paper: scores log 1 and log 3 are 1/4 and 3/4, with entropy −(1/4 log 1/4 + 3/4 log 3/4) = 0.5623.

        >>> import torch
        >>> from regard.attention.history import History
        >>> scores, both = torch.tensor([[[1.0, 3.0]]]).log(), torch.ones(1, 1, 2, dtype=torch.bool)
        >>> start = History.start(torch.zeros(1, 0))
        >>> sampled = Hard(expectation=0.0)(scores, both, start)
        >>> sampled.entropy, torch.allclose(sampled.log_prob.exp(), sampled.weights @ torch.tensor([0.25, 0.75]))
        (tensor([[0.5623]]), True)
        >>> Hard().eval()(scores, both, start).weights
        tensor([[[0., 1.]]])
    """

    sequential = False
    timed = True
    random = True
    sampled = True

    def __init__(self, *, inference: str = "argmax", expectation: float = 0.5) -> None:
        super().__init__()
        if not 0 <= expectation < 1:
            raise ValueError(f"Hard: expectation is {expectation}; expected 0 ≤ expectation < 1. Try 0.5.")
        self.inference = _inference("Hard", inference)
        self.expectation = expectation

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """One position per target position, its log-probability and the entropy."""
        if not self.training:
            return deterministic(inference_weights(scores, visible, self.inference))
        log_probs = masked_log_softmax(scores, visible)
        probs = masked_softmax(scores, visible)
        weights = one_hot(perturb(log_probs.detach(), history), visible).to(scores.dtype)
        log_prob, entropy = (weights * log_probs).sum(-1), -(probs * log_probs).sum(-1)
        if self.expectation:
            # Steps count from 0, so that the number of step -1 is one per row, and no choice's noise.
            drawn = uniform(history.seed, torch.full_like(history.seed, -1).unsqueeze(1), 1)
            soft = drawn < self.expectation
            weights, log_prob = torch.where(soft, probs, weights), log_prob.masked_fill(soft.squeeze(2), 0.0)
        return Selected(weights, log_prob, entropy)


class HardArgmax(nn.Module):
    """The best position, with the gradient of softmax.

        weights = one at argmax(scores), zero elsewhere;   ∂weights / ∂scores := ∂softmax(scores) / ∂scores

    Source: Bengio, Léonard & Courville 2013, arXiv:1308.3432, the straight-through estimator. Of equal scores
    the first wins.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    On paper: scores log 1 and log 3; the slope of softmax's first weight in the first score is 1/4 · 3/4.

        >>> import torch
        >>> from regard.attention.history import History
        >>> scores = torch.tensor([[[1.0, 3.0]]]).log().requires_grad_()
        >>> both = torch.ones(1, 1, 2, dtype=torch.bool)
        >>> weights = HardArgmax()(scores, both, History.start(torch.zeros(1, 0))).weights
        >>> weights.detach(), torch.autograd.grad(weights[0, 0, 0], scores)
        (tensor([[[0., 1.]]]), (tensor([[[ 0.1875, -0.1875]]]),))
    """

    sequential = False

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """One position per target position."""
        return deterministic(straight_through(one_hot(scores, visible), masked_softmax(scores, visible)))


class GumbelSoftmax(nn.Module):
    """A sample from softmax, relaxed so that a gradient goes through it.

        weights = softmax((log softmax(scores) + g) / τ),   g ~ Gumbel(0, 1)

    Source: Jang, Gu & Poole 2017, arXiv:1611.01144, eq. 2. As τ falls to zero the weights become a sample. τ is
    `temperature` times the temperature of the history, which training passes to `Attention.begin`.

    Args:
        temperature: τ where the history has temperature one.
        straight_through: use the one position of largest weight, with the gradient of the relaxed weights.
        inference: in evaluation mode, "argmax" gives the most probable position, "expectation" gives softmax.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    On paper: a difference d of scores and a difference e of noise give the first weight σ((d + e) / τ).

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.noise import gumbel
        >>> start, both = History.start(torch.zeros(1, 0), torch.tensor([3])), torch.ones(1, 1, 2, dtype=torch.bool)
        >>> noise = gumbel(start.seed, start.positions(1), 2)
        >>> by_hand = torch.sigmoid((0.7 + noise[..., 0] - noise[..., 1]) / 0.5)
        >>> weights = GumbelSoftmax(temperature=0.5)(torch.tensor([[[0.7, 0.0]]]), both, start).weights
        >>> torch.allclose(weights[..., 0], by_hand)
        True
    """

    sequential = False
    timed = True
    random = True
    annealed = True

    def __init__(self, *, temperature: float = 1.0, straight_through: bool = False, inference: str = "argmax") -> None:
        super().__init__()
        expect_positive("GumbelSoftmax", "temperature", temperature, "Leave it out for 1.")
        self.temperature = temperature
        self.straight_through = straight_through
        self.inference = _inference("GumbelSoftmax", inference)

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights that sum to one over the visible positions."""
        if not self.training:
            return deterministic(inference_weights(scores, visible, self.inference))
        temperature = self.temperature * history.temperature.view(-1, 1, 1)
        relaxed = masked_softmax(perturb(masked_log_softmax(scores, visible), history) / temperature, visible)
        weights = straight_through(one_hot(relaxed, visible), relaxed) if self.straight_through else relaxed
        return deterministic(weights.to(scores.dtype))


def perturb(log_probs: Float[Tensor, "batch target source"], history: History) -> Float[Tensor, "batch target source"]:
    """The log-probabilities and their noise, in single precision at least; the largest is a sample."""
    noise = gumbel(history.seed, history.positions(log_probs.size(1)), log_probs.size(2))
    return log_probs.to(torch.promote_types(log_probs.dtype, torch.float32)) + noise


def one_hot(scores: Scores, visible: Visible) -> Bool[Tensor, "batch target source"]:
    """True at the best visible position, the first among equals; False in a row without visible positions."""
    best = fill_hidden(scores, visible).argmax(-1, keepdim=True)
    return (torch.arange(scores.size(-1), device=scores.device) == best) & visible


def straight_through(
    choice: Bool[Tensor, "batch target source"], soft: Float[Tensor, "batch target source"]
) -> Float[Tensor, "batch target source"]:
    """The choice forward, the soft weights backward."""
    # Brackets: only the difference of a number and itself is exactly zero.
    return choice.to(soft.dtype) + (soft - soft.detach())


def inference_weights(scores: Scores, visible: Visible, inference: str) -> Float[Tensor, "batch target source"]:
    """The weights of a sampling selection in evaluation mode."""
    if inference == "expectation":
        return masked_softmax(scores, visible)
    return one_hot(scores, visible).to(scores.dtype)


def _inference(place: str, given: str) -> str:
    if given not in INFERENCES:
        raise ValueError(
            f"{place}: inference is {given!r}; expected one of {', '.join(INFERENCES)}. Choose one of them."
        )
    return given
