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
    left, right, slope = drawn(rows, depth), drawn(columns, depth), drawn(rows, columns)
    for one, other, back in zip(layouts(left), layouts(right), layouts(slope), strict=True):
        close(products.multiply(one, other), left.double() @ right.double().t())
        close(products.gradient(back, one), slope.double().t() @ left.double())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers_are_left_to_torch(dtype: torch.dtype) -> None:
    left, right, slope = (drawn(*sizes).to(dtype) for sizes in ((65, 3), (5, 3), (65, 5)))
    assert torch.equal(products.multiply(left, right), left @ right.t())
    assert torch.equal(products.gradient(slope, left), slope.t() @ left)
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
        products.multiply(drawn(64, 3), drawn(5, 3))
        products.gradient(drawn(65, 5), drawn(65, 3))
    called = {each.key: each.count for each in profile.key_averages()}
    assert called["mkldnn::_linear_pointwise"] == 2
    assert "aten::mm" not in called
