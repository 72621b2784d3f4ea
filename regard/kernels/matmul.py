"""to += left · right for large matrices, as gradients need it: compiled code with AVX-512, else PyTorch.

The library behind `torch.mm` does not use AVX-512 on processors of AMD, and takes twice the time there.
"""

import ctypes

import torch
from jaxtyping import Float
from torch import Tensor

from regard.kernels.library import AVX512, kernels
from regard.kernels.operands import overlap, told
from regard.kernels.structs import Matrix

MIN_SIZE = 16
"""If an axis is shorter, the copy into panels costs more than it saves."""


def add_product(
    to: Float[Tensor, "rows columns"], left: Float[Tensor, "rows depth"], right: Float[Tensor, "depth columns"]
) -> None:
    """to += left · right, for any strides; no gradients.

    Raises ValueError for shapes, types or devices that do not fit, and if two numbers of `to` share memory.
    """
    _check(to, left, right)
    left, right = (each.clone() if overlap(to, each) else each for each in (left, right))
    if not _served(to, left, right):
        to.addmm_(left, right)
        return
    failed = kernels().call(
        "matmul_add",
        *(ctypes.byref(Matrix(each.data_ptr(), *each.stride())) for each in (left, right)),
        *(*left.shape, right.size(1), to.data_ptr(), to.stride(0)),
    )
    if failed:
        raise MemoryError(f"add_product: no memory for {left.size(1)} × {right.size(1)} numbers")


def _check(to: Tensor, left: Tensor, right: Tensor) -> None:
    given = (to, left, right)
    if not all(isinstance(each, Tensor) and each.dim() == 2 for each in given):
        raise ValueError(f"add_product: given {', '.join(map(told, given))}; expected three matrices.")
    if not (left.size(1) == right.size(0) and to.size(0) == left.size(0) and to.size(1) == right.size(1)):
        raise ValueError(
            f"add_product: to is {told(to)}, left is {told(left)}, right is {told(right)}; "
            "expected (rows, columns), (rows, depth), (depth, columns)."
        )
    if not (to.dtype is left.dtype is right.dtype and to.device == left.device == right.device):
        raise ValueError(f"add_product: given {', '.join(map(told, given))}; expected one type on one device.")
    (rows, columns), (down, across) = to.shape, to.stride()
    apart = rows < 2 or columns < 2 or down >= across * columns or across >= down * rows
    if not (apart and (rows < 2 or down) and (columns < 2 or across)):
        raise ValueError(f"add_product: to has strides {to.stride()}; expected a place of its own for each number.")
    if torch.is_grad_enabled() and any(each.requires_grad for each in given):
        raise ValueError("add_product: a tensor requires a gradient; expected none. Call it in torch.no_grad().")


def _served(to: Tensor, left: Tensor, right: Tensor) -> bool:
    """Whether compiled code accepts these, and is faster."""
    if min(*left.shape, right.size(1)) < MIN_SIZE or to.stride(1) != 1:
        return False
    known = to.device.type == "cpu" and to.dtype == torch.float32
    return known and kernels().library is not None and kernels().fast >= AVX512
