"""Products of an output layer's gradients, where AVX-512 is there: oneDNN uses it on every processor that has it, and
what is behind `torch.mm` on those of one maker, so that elsewhere `torch.mm` takes twice the time.

add_product    to += left · right
add_gradient   to += slopeᵀ · inputs: the gradient of a weight
padded         rows that either takes as they are
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

ROWS = 64
"""Rows come in multiples of it. Of each number of rows oneDNN makes and keeps code of its own, and what it keeps lies
between the large blocks of memory that come and go: with any number of them a training takes twice the memory."""


def add_product(
    to: Float[Tensor, "rows columns"], left: Float[Tensor, "room depth"], right: Float[Tensor, "depth columns"]
) -> None:
    """to += left · right; of numbers without a gradient. There may be more rows on the left: they are room."""
    if len(left) < ROWS or not _served(left, right):
        to.addmm_(left[: len(to)], right)
    else:
        to.add_(_product(_whole(left), right.t())[: len(to)])


def add_gradient(
    to: Float[Tensor, "columns depth"], slope: Float[Tensor, "rows columns"], inputs: Float[Tensor, "rows depth"]
) -> None:
    """to += slopeᵀ · inputs; of numbers without a gradient."""
    if len(slope) < ROWS or not _served(slope, inputs):
        to.addmm_(slope.t(), inputs)
    else:
        to.add_(_product(_whole(inputs).t(), _whole(slope).t()).t())  # the wider one is read as it lies


def padded(count: int, weight: Tensor) -> int:
    """How many rows a product with such a weight takes without a copy: so many, and rows of zeros behind them."""
    return count + -count % ROWS if count >= ROWS and _served(weight) else count


def _product(left: Tensor, right: Tensor) -> Tensor:
    """left · rightᵀ"""
    laid = right.is_contiguous() or right.t().is_contiguous()  # anything else would be multiplied number by number
    right = right if laid else right.contiguous()
    with torch.no_grad():
        found: Tensor = torch.ops.mkldnn._linear_pointwise(left.contiguous(), right, None, "none", [], "")
    return found


def _whole(matrix: Tensor) -> Tensor:
    missing = -len(matrix) % ROWS
    return F.pad(matrix, (0, 0, 0, missing)) if missing else matrix


def _served(*tensors: Tensor) -> bool:
    """Whether oneDNN takes these, and is faster."""
    plain = (each.device.type == "cpu" and each.dtype == torch.float32 and each.numel() > 0 for each in tensors)
    return _wide() and all(plain)


@cache
def _wide() -> bool:
    """Whether there is AVX-512, and the operator that PyTorch's compiler puts in the place of a linear layer."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        _product(torch.ones(2, 3), torch.ones(5, 3))
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False
    return True
