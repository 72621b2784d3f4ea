"""A linear layer over all steps at once, whose products are those that compiled code is asked for."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from regard.attention.kernels.products import add_product


def projected(
    inputs: Float[Tensor, "first second features"],
    weight: Float[Tensor, "outputs features"],
    bias: Float[Tensor, " outputs"],
) -> Float[Tensor, "first second outputs"]:
    """`F.linear` of tensors that `engine.serves`. Second derivatives go the plain way."""
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
