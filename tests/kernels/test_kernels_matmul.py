"""Products are those of `torch.mm`, whatever computes them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from regard.kernels import matmul as products
from regard.kernels.matmul import add_product

SIZES = [(1, 1, 1), (16, 16, 16), (65, 17, 33), (257, 65, 130), (40, 1100, 19)]
VARIANTS = ["plain", "avx2", "avx512"]


@pytest.fixture(params=["torch", *VARIANTS])
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(products, "_served", lambda *_: False)
    else:
        take(VARIANTS.index(request.param), monkeypatch)


def take(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute in this variant, whatever is fastest here."""
    found = products.kernels()
    if found.library is None or found.fast < level:
        pytest.skip("this variant does not run here")
    monkeypatch.setattr(products, "kernels", lambda: replace(found, fast=level))
    monkeypatch.setattr(products, "AVX512", level)


def drawn(*sizes: int) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)))


def layouts(matrix: Tensor) -> list[Tensor]:
    """The same numbers as they may lie: in rows, in columns, as some columns of a wider matrix, apart from each other,
    and the first row for all."""
    wide = torch.stack([matrix, matrix + 1], -1).flatten(1)
    ways = [matrix, matrix.t().contiguous().t(), torch.cat([matrix, matrix + 1, matrix], 1)[:, : matrix.size(1)]]
    return [*ways, wide[:, ::2], matrix[:1].expand(len(matrix), -1)]


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
def test_products_are_right_however_matrices_lie(rows: int, depth: int, columns: int) -> None:
    for left in layouts(drawn(rows, depth)):
        for right in layouts(drawn(depth, columns)):
            for room in layouts(torch.ones(rows, columns))[:3]:
                to = room.clone(memory_format=torch.preserve_format) if room.stride(0) == 1 else room
                add_product(to, left, right)
                expected = 1 + left.double() @ right.double()
                torch.testing.assert_close(to.double(), expected, atol=1e-5 * depth**0.5, rtol=1e-5)


@pytest.mark.usefixtures("variant")
def test_nothing_is_written_beside_the_sums() -> None:
    room = torch.zeros(40, 50)
    add_product(room[3:33, 7:40], drawn(30, 20), drawn(20, 33))
    room[3:33, 7:40] = 0
    assert not room.any()


@pytest.mark.usefixtures("variant")
def test_what_is_not_finite_stays_so() -> None:
    left, right = drawn(30, 20), drawn(20, 33)
    left[4, 5], right[6, 7] = torch.nan, torch.inf
    to = torch.zeros(30, 33)
    add_product(to, left, right)
    assert to[4].isnan().all()
    assert not to[:4, :7].isnan().any()
    assert to[:4, 7].isinf().all()


def test_variants_and_threads_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = drawn(1030, 200).t(), drawn(1030, 70)
    found = []
    for level, threads in ((2, 1), (1, 1), (2, 2)):
        with monkeypatch.context() as patch:
            take(level, patch)
            patch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
            to = torch.ones(200, 70)
            add_product(to, left, right)
            found.append(to)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_numbers_are_left_to_torch(dtype: torch.dtype) -> None:
    left, right = drawn(65, 30).to(dtype), drawn(30, 50).to(dtype)
    product = torch.ones(65, 50, dtype=dtype)
    add_product(product, left, right)
    assert torch.equal(product, torch.addmm(torch.ones(65, 50, dtype=dtype), left, right))


def test_nothing_is_added_of_nothing() -> None:
    to = torch.ones(20, 30)
    add_product(to, torch.zeros(20, 0), torch.zeros(0, 30))
    assert (to == 1).all()
