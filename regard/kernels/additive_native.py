"""Additive scores in compiled code, see c/additive_attention.c. Single precision on the CPU."""

import torch
from torch import Tensor

from regard.kernels.library import kernels
from regard.kernels.operands import expect_operand


def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Scores, as in `additive_scores`; single precision on the CPU."""
    _check("additive_native.forward", query, keys, vector)
    query, keys, vector = query.contiguous(), keys.contiguous(), vector.contiguous()
    scores = query.new_empty(query.size(0), query.size(1), keys.size(1))
    _call("additive_forward", (query, keys, vector, scores), query, keys)
    return scores


def backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the query, the keys and the vector."""
    _check("additive_native.backward", query, keys, vector)
    expect_operand("additive_native.backward", "grad", grad, (*query.shape[:2], keys.size(1)))
    query, keys, vector, grad = query.contiguous(), keys.contiguous(), vector.contiguous(), grad.contiguous()
    found = torch.empty_like(query), torch.empty_like(keys), torch.empty_like(vector)
    _call("additive_backward", (query, keys, vector, grad, *found), query, keys)
    return found


def _call(name: str, arrays: tuple[Tensor, ...], query: Tensor, keys: Tensor) -> None:
    sizes = (*query.shape[:2], keys.size(1), query.size(2))
    if kernels().call(name, *(each.data_ptr() for each in arrays), *sizes):
        raise MemoryError(f"{name}: no memory to work in for sizes {sizes}; expected a little. Use a smaller batch.")


def _check(place: str, query: Tensor, keys: Tensor, vector: Tensor) -> None:
    expect_operand(place, "query", query, ("batch", "target", "hidden"))
    expect_operand(place, "keys", keys, (query.size(0), "source", query.size(2)))
    expect_operand(place, "vector", vector, (query.size(2),))
