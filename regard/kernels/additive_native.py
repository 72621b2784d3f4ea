"""The compiled kernels of additive scores."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regard.attention.kernels.library import Kernels, find

SOURCE = Path(__file__).with_name("additive.c")
LIBRARY = Path(__file__).with_name("libadditive.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Scores, as in `additive_scores`; single precision on the CPU."""
    query, keys, vector = query.contiguous(), keys.contiguous(), vector.contiguous()
    scores = query.new_empty(query.size(0), query.size(1), keys.size(1))
    _call("regard_forward", (query, keys, vector, scores), query, keys)
    return scores


def backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the query, the keys and the vector."""
    query, keys, vector, grad = query.contiguous(), keys.contiguous(), vector.contiguous(), grad.contiguous()
    found = torch.empty_like(query), torch.empty_like(keys), torch.empty_like(vector)
    _call("regard_backward", (query, keys, vector, grad, *found), query, keys)
    return found


def _call(name: str, arrays: tuple[Tensor, ...], query: Tensor, keys: Tensor) -> None:
    found = kernels()
    sizes = (*query.shape[:2], keys.size(1), query.size(2))
    pointers = [each.data_ptr() for each in arrays]
    code = getattr(found.library, name)(*pointers, *sizes, found.fast, torch.get_num_threads(), found.team)
    if code:
        raise MemoryError(f"{name}: no memory to work in for sizes {sizes}; expected a little. Use a smaller batch.")


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    for name, arrays in (("regard_forward", 4), ("regard_backward", 7)):
        function = getattr(library, name)
        function.argtypes = [pointer] * arrays + [size] * 4 + [number, number, pointer]
        function.restype = number
