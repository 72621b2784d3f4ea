"""Sums of large products, as gradients need them: in compiled code where AVX-512 is there, else by PyTorch.

What is behind `torch.mm` does not use AVX-512 on the processors of one maker, and takes twice the time there.

add_product    to += left · right
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.kernels.library import Kernels, find

SOURCE = Path(__file__).with_name("products.c")
LIBRARY = Path(__file__).with_name("libproducts.so")
AVX512 = 2  # as `newest` in team.h
FEW = 16
"""Numbers along an axis that are too few to be laid out for."""


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


def add_product(
    to: Float[Tensor, "rows columns"], left: Float[Tensor, "rows depth"], right: Float[Tensor, "depth columns"]
) -> None:
    """to += left · right, however these lie in memory; of numbers without a gradient."""
    if not _served(to, left, right):
        to.addmm_(left, right)
        return
    found, factors = kernels(), [_Matrix(each.data_ptr(), *each.stride()) for each in (left, right)]
    failed = found.library.regard_add_product(
        *(ctypes.byref(factor) for factor in factors),
        *(*left.shape, right.size(1), to.data_ptr(), to.stride(0)),
        *(found.fast, torch.get_num_threads(), found.team),
    )
    if failed:
        raise MemoryError(f"add_product: no memory for {left.size(1)} × {right.size(1)} numbers")


def _served(to: Tensor, left: Tensor, right: Tensor) -> bool:
    """Whether compiled code takes these, and is faster."""
    if min(*left.shape, right.size(1)) < FEW or to.stride(1) != 1:
        return False
    known = all(each.device.type == "cpu" and each.dtype == torch.float32 for each in (to, left, right))
    return known and kernels().library is not None and kernels().fast >= AVX512


class _Matrix(ctypes.Structure):
    """As in products.c."""

    _fields_ = (("at", ctypes.c_void_p), ("down", ctypes.c_int64), ("across", ctypes.c_int64))


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_add_product.argtypes = [pointer, pointer, *[size] * 3, pointer, size, number, number, pointer]
    library.regard_add_product.restype = number
