"""Selections: from scores to weights. A row without a visible position gets zeros, never NaN: written once, here."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History


@dataclass(frozen=True)
class Selected:
    """Weights, and what a policy gradient needs of them.

    Args:
        weights: zero exactly where nothing is visible.
        log_prob: natural logarithm of the probability of a sampled choice; zeros for a selection that samples nothing.
        entropy: of the distribution that was sampled, in nats; zeros for a selection that samples nothing.
    """

    weights: Float[Tensor, "batch target source"]
    log_prob: Float[Tensor, "batch target"]
    entropy: Float[Tensor, "batch target"]


def deterministic(weights: Float[Tensor, "batch target source"]) -> Selected:
    """The record of a selection that samples nothing."""
    nothing = weights.new_zeros(()).expand(weights.shape[:-1])
    return Selected(weights, nothing, nothing)


class Softmax(nn.Module):
    """Soft selection.

        weights = exp(score) / Σ exp(score)   over the visible positions

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, eq. 6.
    """

    sequential = False

    def forward(
        self,
        scores: Float[Tensor, "batch target source"],
        visible: Bool[Tensor, " batch #target source"],
        history: History,
    ) -> Selected:
        """Weights that sum to one over the visible positions."""
        # The lowest finite number keeps a row without a visible position finite; the second fill makes it zeros.
        filled = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
        return deterministic(torch.softmax(filled, dim=-1).masked_fill(~visible, 0.0))


class Uniform(nn.Module):
    """The same weight on every visible position, whatever the scores: what attention is measured against.

    weights = 1 / n   over the n visible positions
    """

    sequential = False

    def forward(
        self,
        scores: Float[Tensor, "batch target source"],
        visible: Bool[Tensor, " batch #target source"],
        history: History,
    ) -> Selected:
        """Weights that sum to one over the visible positions."""
        seen = visible.to(scores.dtype).expand_as(scores)
        return deterministic(seen / seen.sum(-1, keepdim=True).clamp(min=1))
