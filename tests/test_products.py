"""Products are those of `torch.mm`, whatever computes them, and so are their gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard import products

SIZES = [(1, 1, 1), (7, 5, 3), (64, 129, 33), (257, 65, 130)]
WIDE = pytest.mark.skipif(not products._wide(), reason="this processor has no AVX-512, or PyTorch hides oneDNN")


def drawn(*sizes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)), dtype=torch.float64).to(dtype)


def layouts(matrix: Tensor) -> list[Tensor]:
    """The same numbers as they may lie: in rows, in columns, as some columns of a wider matrix."""
    return [matrix, matrix.t().contiguous().t(), torch.cat([matrix, matrix + 1, matrix], 1)[:, : matrix.size(1)]]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected.to(found.dtype), atol=1e-5 * expected.abs().max().item(), rtol=1e-5)


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
def test_products_are_right_however_matrices_lie(rows: int, depth: int, columns: int) -> None:
    left, right, slope = drawn(rows, depth), drawn(columns, depth), drawn(rows, columns)
    with torch.no_grad():
        for one, other, back in zip(layouts(left), layouts(right), layouts(slope), strict=True):
            close(products.multiply(one, other), left.double() @ right.double().t())
            close(products.gradient(back, one), slope.double().t() @ left.double())


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_has_the_gradients_of_the_formula(rows: int, depth: int, columns: int, bias: bool) -> None:
    given = [drawn(rows, 2, depth), layouts(drawn(columns, depth))[2], *([drawn(columns)] if bias else [])]
    ours, theirs = (
        [each.detach().to(kind).requires_grad_() for each in given] for kind in (torch.float32, torch.double)
    )
    seed = drawn(rows, 2, columns)
    results = []
    for function, operands in ((products.linear, ours), (F.linear, theirs)):
        found = function(*operands, *([] if bias else [None]))
        results.append([found, *torch.autograd.grad(found, operands, seed.to(found.dtype))])
    for one, other in zip(*results, strict=True):
        close(one, other)


def test_gradients_have_gradients() -> None:
    inputs, weight = drawn(5, 3).requires_grad_(), drawn(7, 3).requires_grad_()
    first = [torch.autograd.grad(f(inputs, weight, None).sin().sum(), inputs, create_graph=True)[0] for f in LINEARS]
    ours, theirs = (torch.autograd.grad(each.square().sum(), weight)[0] for each in first)
    close(ours, theirs)


LINEARS = (products.linear, F.linear)


def test_half_precision_transforms_and_searches_are_left_to_pytorch() -> None:
    """Without a gradient, a layer gives the bits of `F.linear`."""
    inputs, weight = drawn(5, 3), drawn(7, 3)
    trained = torch.nn.Parameter(weight.clone())
    assert products.linear(inputs.bfloat16(), weight.bfloat16(), None).dtype == torch.bfloat16
    mapped = torch.func.vmap(lambda row: products.linear(row, trained, None))(inputs)
    close(mapped, inputs @ weight.t())
    with torch.no_grad():
        assert torch.equal(products.linear(inputs, weight, None), F.linear(inputs, weight))


@WIDE
def test_what_is_trained_goes_to_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(products, "multiply", lambda left, right: calls.append(1) or left @ right.t())
    found = products.linear(drawn(5, 3).requires_grad_(), drawn(7, 3).requires_grad_(), None)
    found.sum().backward()
    assert len(calls) == 3
