"""How far two passes of the same tokens are apart, from the softmax of both: the term of R-Drop."""

import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 2**17
"""Probabilities of a block of rows: what is computed of it stays in the cache of a core."""


def disagreement(one: Float[Tensor, "tokens vocab"], other: Float[Tensor, "tokens vocab"]) -> Float[Tensor, " tokens"]:
    """The mean of both divergences, of each token, from log-probabilities.

        D = ½ KL(p ‖ q) + ½ KL(q ‖ p) = ½ Σ(v) (p - q) (log p - log q)

    Source: Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", arXiv:2106.14448, eq. 2, without its
    weight. A token that neither pass can write adds nothing.

    Args:
        one, other: log p and log q. Where one of them is -inf, both are.

        >>> p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])
        >>> disagreement(p.log(), q.log())
        tensor([0.1373])
    """
    apart = (one - other).masked_fill(one == -torch.inf, 0.0)
    return ((one.exp() - other.exp()) * apart).sum(1) / 2


def agree(
    one: Float[Tensor, "tokens vocab"], other: Float[Tensor, "tokens vocab"], weight: float
) -> Float[Tensor, " tokens"]:
    """The same from probabilities, which become the gradient of the logits: p, plus that of α D.

        ∂ KL(p ‖ q) / ∂z = p (log p - log q - KL(p ‖ q)),   ∂ KL(q ‖ p) / ∂z = p - q,   where p = softmax z

    Args:
        one, other: p and q, changed in place. A probability that single precision cannot hold counts as the smallest
            that it can.
        weight: α.

    Returns D. Without a gradient to take, the changed p and q are of no use.
    """
    found = one.new_empty(len(one))
    rows = max(1, BLOCK // max(1, one.size(1)))
    least = torch.finfo(one.dtype).tiny
    for first in range(0, len(one), rows):
        p, q = one[first : first + rows], other[first : first + rows]
        apart = p.clamp_min(least).div_(q.clamp_min(least)).log_()
        forward, backward = (torch.linalg.vecdot(each, apart) for each in (p, q))  # KL(p ‖ q), - KL(q ‖ p)
        found[first : first + rows] = (forward - backward) / 2
        between = p - q
        for slope, divergence, side in ((p, forward, 1), (q, backward, -1)):
            factor = apart - divergence.unsqueeze(1)
            slope.addcmul_(slope, factor, value=side * weight / 2).add_(between, alpha=side * weight / 2)
    return found
