"""Selections: from scores to weights. A row without a visible position gets zeros, never NaN."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History

Scores = Float[Tensor, "batch target source"]
"""How well each source position answers each target position; of any size and sign."""
Visible = Bool[Tensor, " batch #target source"]
"""True where a source position may get weight; one row for all target positions, or one for each."""


@dataclass(frozen=True)
class Selected:
    """Weights, with log-probability and entropy for a policy gradient.

    Args:
        weights: exactly zero at positions that are not visible.
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


def fill_hidden(scores: Scores, visible: Visible) -> Float[Tensor, "batch target source"]:
    """The scores, with the lowest finite number at hidden positions: unlike -∞ it keeps a fully hidden row finite."""
    return scores.masked_fill(~visible, torch.finfo(scores.dtype).min)


def masked_softmax(scores: Scores, visible: Visible) -> Float[Tensor, "batch target source"]:
    """Softmax over the visible positions; exactly zero at the others, and in a row without visible positions."""
    return torch.softmax(fill_hidden(scores, visible), dim=-1).masked_fill(~visible, 0.0)


def masked_log_softmax(scores: Scores, visible: Visible) -> Float[Tensor, "batch target source"]:
    """Logarithm of softmax over the visible positions; zero at the others, so that a sum over positions is finite."""
    return torch.log_softmax(fill_hidden(scores, visible), dim=-1).masked_fill(~visible, 0.0)


class Softmax(nn.Module):
    """Soft selection.

        weights = exp(score) / Σ exp(score)   over the visible positions

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, eq. 6.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    Scores log 1, log 2, log 5 and one hidden position: 1/8, 2/8, 5/8 and zero.

        >>> import torch
        >>> from regard.attention.select import masked_softmax
        >>> visible = torch.tensor([[[True, True, True, False]]])
        >>> masked_softmax(torch.tensor([[[1.0, 2.0, 5.0, 9.0]]]).log(), visible)
        tensor([[[0.1250, 0.2500, 0.6250, 0.0000]]])
    """

    sequential = False

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights that sum to one over the visible positions."""
        return deterministic(masked_softmax(scores, visible))


class Uniform(nn.Module):
    """The same weight on every visible position, whatever the scores: a baseline for attention.

        weights = 1 / n   over the n visible positions

    Source: Wiegreffe & Pinter 2019, arXiv:1908.04626, the baseline of uniform weights.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    Four positions, two of them hidden: a half on each of the others.

        >>> import torch
        >>> from regard.attention.history import History
        >>> visible = torch.tensor([[[True, False, True, False]]])
        >>> start = History.start(torch.zeros(1, 0))
        >>> Uniform()(torch.tensor([[[3.0, 1.0, 4.0, 1.0]]]), visible, start).weights.tolist()
        [[[0.5, 0.0, 0.5, 0.0]]]
    """

    sequential = False

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights that sum to one over the visible positions."""
        seen = visible.to(scores.dtype).expand_as(scores)
        return deterministic(seen / seen.sum(-1, keepdim=True).clamp(min=1))
