"""A linear layer over all steps at once; its products use compiled code."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.matmul import add_product
from regard.kernels.operands import told


def projected(
    inputs: Float[Tensor, "first second features"],
    weight: Float[Tensor, "outputs features"],
    bias: Float[Tensor, " outputs"],
) -> Float[Tensor, "first second outputs"]:
    """`F.linear` with products by `add_product`. Second derivatives use PyTorch.

    Raises ValueError for shapes, types or devices that do not fit.
    """
    given = (inputs, weight, bias)
    if not (all(isinstance(each, Tensor) for each in given) and inputs.dim() == 3 and weight.dim() == 2):
        raise ValueError(f"projected: given {', '.join(map(told, given))}; expected three axes, two and one.")
    if inputs.size(2) != weight.size(1) or bias.shape != weight.shape[:1]:
        raise ValueError(
            f"projected: inputs are {told(inputs)}, weight is {told(weight)}, bias is {told(bias)}; "
            "expected (first, second, features), (outputs, features), (outputs)."
        )
    if not all(each.is_floating_point() and (each.dtype, each.device) == (bias.dtype, bias.device) for each in given):
        raise ValueError(f"projected: given {', '.join(map(told, given))}; expected one floating type on one device.")
    found: Tensor = _Projection.apply(inputs, weight, bias)  # type: ignore[no-untyped-call]
    return found


class _Projection(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        found = bias.repeat(*inputs.shape[:2], 1)
        add_product(found.flatten(0, 1), inputs.flatten(0, 1), weight.t())
        return found

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        rows, slope = inputs.flatten(0, 1), grad.flatten(0, 1)
        to_bias = slope.sum(0) if ctx.needs_input_grad[2] else None
        if torch.is_grad_enabled():
            return F.linear(grad, weight.t()), slope.t() @ rows, to_bias
        to_inputs = to_weight = None
        if ctx.needs_input_grad[0]:
            to_inputs = torch.zeros_like(rows)
            add_product(to_inputs, slope, weight)
            to_inputs = to_inputs.view_as(inputs)
        if ctx.needs_input_grad[1]:
            to_weight = torch.zeros_like(weight, memory_format=torch.contiguous_format)
            add_product(to_weight, slope.t(), rows)
        return to_inputs, to_weight, to_bias
