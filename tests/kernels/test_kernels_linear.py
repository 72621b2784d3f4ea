"""A projection is a linear layer, with its gradients and theirs."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.linear import projected


def drawn(steps: int, batch: int, features: int, outputs: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs and a weight that do not lie as they are read, and a bias."""
    inputs = torch.randn(batch, steps, features, dtype=dtype).transpose(0, 1)
    weight = torch.randn(outputs, features + 3, dtype=dtype)[:, 1:-2]
    return inputs.requires_grad_(), weight.requires_grad_(), torch.randn(outputs, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (3, 2, 5, 4), (9, 11, 40, 70)])
def test_it_is_a_linear_layer(sizes: tuple[int, int, int, int]) -> None:
    operands = drawn(*sizes, torch.float32)
    found, expected = projected(*operands), F.linear(*operands)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)
    slope = torch.randn_like(expected)
    for one, other in zip(*(torch.autograd.grad(each, operands, slope) for each in (found, expected)), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_what_needs_no_gradient_gets_none() -> None:
    inputs, weight, bias = drawn(2, 3, 4, 5, torch.float32)
    projected(inputs.detach(), weight, bias.detach()).sum().backward()
    assert weight.grad_fn is None
    assert weight.grad is not None
    assert inputs.grad is None
    assert bias.grad is None


def test_derivatives_are_right_in_double_precision() -> None:
    operands = drawn(3, 2, 4, 5, torch.float64)
    assert torch.autograd.gradcheck(projected, operands)
    assert torch.autograd.gradgradcheck(projected, operands)
