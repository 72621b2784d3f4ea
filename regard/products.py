"""Matrix products of training, where AVX-512 is there: oneDNN uses it on every processor that has it, and the library
behind `torch.mm` on those of one maker, so that elsewhere `torch.mm` takes twice the time.

multiply   left · rightᵀ
gradient   slopeᵀ · inputs: the gradient of a weight
linear     inputs · weightᵀ + bias, whose gradients are such products

A row of a product may depend in its last bits on how many rows there are: nothing that is searched goes through here.
"""

from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def multiply(left: Float[Tensor, "rows depth"], right: Float[Tensor, "columns depth"]) -> Float[Tensor, "rows columns"]:
    """left · rightᵀ"""
    if torch.is_grad_enabled() or not _served(left, right):
        return left @ right.t()
    whole = right.is_contiguous() or right.t().is_contiguous()  # anything else would be multiplied number by number
    right = right if whole else right.contiguous()
    found: Tensor = torch.ops.mkldnn._linear_pointwise(left.contiguous(), right, None, "none", [], "")
    return found


def gradient(
    slope: Float[Tensor, "rows columns"], inputs: Float[Tensor, "rows depth"]
) -> Float[Tensor, "columns depth"]:
    """slopeᵀ · inputs"""
    if torch.is_grad_enabled() or not _served(slope, inputs):
        return slope.t() @ inputs
    return multiply(inputs.t().contiguous(), slope.t()).t()  # the wider one is read as it lies


def linear(
    inputs: Float[Tensor, "*axes depth"], weight: Float[Tensor, "columns depth"], bias: Float[Tensor, " columns"] | None
) -> Float[Tensor, "*axes columns"]:
    """`torch.nn.functional.linear`."""
    if not torch.is_grad_enabled() or not _served(inputs, weight) or _watched():
        return F.linear(inputs, weight, bias)
    run: Any = _Linear.apply
    found: Tensor = run(inputs.reshape(-1, inputs.size(-1)), weight, bias)
    return found.view(*inputs.shape[:-1], -1)


class _Linear(torch.autograd.Function):
    """The static methods are those that PyTorch asks for."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        found = multiply(inputs, weight)
        return found if bias is None else found.add_(bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        needed = ctx.needs_input_grad
        return (
            multiply(grad, weight.t()) if needed[0] else None,
            gradient(grad, inputs) if needed[1] else None,
            grad.sum(0) if needed[2] else None,
        )


def _served(*tensors: Tensor) -> bool:
    """Whether oneDNN takes these, and is faster."""
    plain = all(
        type(each) in (Tensor, nn.Parameter)
        and each.device.type == "cpu"
        and each.dtype == torch.float32
        and each.numel() > 0
        for each in tensors
    )
    return plain and _wide() and not torch.is_autocast_enabled("cpu")


@cache
def _wide() -> bool:
    """Whether there is AVX-512, and the operator that PyTorch's compiler puts in the place of a linear layer."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        with torch.no_grad():
            torch.ops.mkldnn._linear_pointwise(torch.ones(2, 3), torch.ones(5, 3), None, "none", [], "")
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False
    return True


def _watched() -> bool:
    """Whether something traces or transforms what is computed."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return True
    return bool(torch._C._are_functorch_transforms_active()) or torch.autograd.forward_ad._current_level >= 0
