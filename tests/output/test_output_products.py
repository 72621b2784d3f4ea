"""Products are those of `torch.mm`, whatever computes them."""

import pytest
import torch
from torch import Tensor

from regard.output import products

SIZES = [(1, 1, 1), (7, 5, 3), (64, 129, 33), (257, 65, 130)]


def drawn(*sizes: int) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)))


def layouts(matrix: Tensor) -> list[Tensor]:
    """The same numbers as they may lie: in rows, in columns, as some columns of a wider matrix."""
    return [matrix, matrix.t().contiguous().t(), torch.cat([matrix, matrix + 1, matrix], 1)[:, : matrix.size(1)]]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.double(), expected, atol=1e-5 * expected.abs().max().item(), rtol=1e-5)


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
def test_products_are_right_however_matrices_lie(rows: int, depth: int, columns: int) -> None:
    left, right, slope = drawn(rows, depth), drawn(depth, columns), drawn(rows, columns)
    for one, other, back in zip(layouts(left), layouts(right), layouts(slope), strict=True):
        product, gradient = torch.ones(rows, columns), torch.ones(columns, depth)
        products.add_product(product, one, other)
        close(product, 1 + left.double() @ right.double())
        products.add_gradient(gradient, back, one)
        close(gradient, 1 + slope.double().t() @ left.double())


def test_rows_behind_are_room() -> None:
    found, left, right = torch.ones(70, 3), drawn(128, 5), drawn(5, 3)
    products.add_product(found, left, right)
    close(found, 1 + left[:70].double() @ right.double())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers_are_left_to_torch(dtype: torch.dtype) -> None:
    left, right, slope = (drawn(*sizes).to(dtype) for sizes in ((65, 3), (3, 5), (65, 5)))
    product, gradient = torch.ones(65, 5, dtype=dtype), torch.ones(5, 3, dtype=dtype)
    products.add_product(product, left, right)
    products.add_gradient(gradient, slope, left)
    assert torch.equal(product, torch.addmm(torch.ones(65, 5, dtype=dtype), left, right))
    assert torch.equal(gradient, torch.addmm(torch.ones(5, 3, dtype=dtype), slope.t(), left))
    assert products.padded(65, right) == 65


@pytest.mark.parametrize("count", [1, 63, 64, 65, 500])
def test_rows_that_are_taken_as_they_are(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_wide", lambda: True)
    rows = products.padded(count, drawn(5, 3))
    assert count <= rows < count + products.ROWS
    assert rows == count if count < products.ROWS else rows % products.ROWS == 0
    assert products._whole(drawn(rows, 3)).size(0) in (rows, products.ROWS)


@pytest.mark.skipif(not products._wide(), reason="this processor has no AVX-512, or PyTorch hides oneDNN")
def test_what_is_large_enough_goes_to_onednn() -> None:
    with torch.profiler.profile() as profile:
        products.add_product(torch.zeros(64, 5), drawn(64, 3), drawn(3, 5))
        products.add_gradient(torch.zeros(5, 3), drawn(65, 5), drawn(65, 3))
    called = {each.key: each.count for each in profile.key_averages()}
    assert called["mkldnn::_linear_pointwise"] == 2
    assert "aten::addmm_" not in called
