"""Alignments of a known target as a chain of positions: forward-backward, and the most probable path."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NEVER = -1e30
"""The logarithm of a probability of zero: finite, so that a sum over nothing but such has a gradient."""


@dataclass(frozen=True)
class Chain:
    """The joint probabilities of known targets and their alignments, as logarithms.

        p(y, a | x) = Π(t) p(a(t) | a(t-1), y(<t), x) p(y(t) | a(t), y(<t), x)

    Args:
        first: of each position before the first token; one column where no step asks for the position before.
        ways: of each step t, p(j | i): (batch, source i, source j), with one i where it does not matter.
        answered: p(y(t) | j).
        mask: the real tokens, which come first.
    """

    first: Float[Tensor, "batch before"]
    ways: Callable[[int], Float[Tensor, "batch before source"]]
    answered: Float[Tensor, "batch target source"]
    mask: Bool[Tensor, "batch target"]


def posterior(chain: Chain) -> Float[Tensor, "batch target source"]:
    """p(a(t) = j | y, x), by the forward-backward algorithm.

        φ(t, j) ∝ Σ(i) φ(t-1, i) p(j | i) p(y(t) | j)
        β(t, i) ∝ Σ(j) p(j | i) p(y(t+1) | j) β(t+1, j),   β(T, i) = 1
        p(a(t) = j | y, x) ∝ φ(t, j) β(t, j)

    Source: Rabiner 1989, "A tutorial on hidden Markov models", section III, with the scaling of section V.A. Rows of
    padding are as if the target were longer.
    """
    before, forward = chain.first, list[Tensor]()
    for step, answer in enumerate(chain.answered.unbind(1)):
        before = ((before.unsqueeze(2) + chain.ways(step)).logsumexp(1) + answer).log_softmax(1)
        forward.append(before)
    behind, found = torch.zeros_like(before), [before.exp()]
    for step in range(len(forward) - 1, 0, -1):
        further = (chain.ways(step) + (chain.answered[:, step] + behind).unsqueeze(1)).logsumexp(2)
        further = further - further.amax(1, keepdim=True)
        behind = torch.where(chain.mask[:, step, None], further, 0.0)
        found.append((forward[step - 1] + behind).softmax(1))
    return torch.stack(found[::-1], 1)


def most_probable_path(chain: Chain) -> Int[Tensor, "batch target"]:
    """The alignment a with the largest p(y, a | x), the Viterbi algorithm; of equals the one that ends at the earlier
    position, and so on backwards. Rabiner 1989, section III.B."""
    before, origins, ends = chain.first, list[Tensor](), list[Tensor]()
    for step, answer in enumerate(chain.answered.unbind(1)):
        best, origin = (before.unsqueeze(2) + chain.ways(step)).max(1)
        before = best + answer
        before = before - before.amax(1, keepdim=True)
        origins.append(origin)
        ends.append(before.argmax(1))
    path = [ends[-1]]
    for step in range(len(ends) - 1, 0, -1):
        followed = origins[step].gather(1, path[-1].unsqueeze(1)).squeeze(1)
        path.append(torch.where(chain.mask[:, step], followed, ends[step - 1]))
    return torch.stack(path[::-1], 1)
