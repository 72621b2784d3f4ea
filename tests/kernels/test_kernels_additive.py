"""Additive scores: the same numbers from every kernel, forward and backward, whatever the sizes and the inputs."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from regard.kernels import additive_native as native
from regard.kernels.additive import additive_scores, plain_scores
from regard.kernels.library import SWITCH

SETTINGS = {"compiled": "", "compiled-plain": "plain", "pytorch": "off"}
SIZES = [(3, 7, 5, 13), (2, 31, 67, 129), (1, 1, 1, 7), (5, 1, 30, 64), (2, 3, 1, 17), (1, 131, 2, 16), (2, 2, 70, 300)]
targets = pytest.mark.parametrize("target", [1, 3])  # one is computed in its own way


def choose(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the kernels of that name, or skip where they cannot be had."""
    monkeypatch.setenv(SWITCH, SETTINGS[name])
    native.kernels.cache_clear()
    if name != "pytorch" and native.kernels().library is None:
        pytest.skip(native.kernels().reason)


@pytest.fixture(params=SETTINGS)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    choose(request.param, monkeypatch)
    yield request.param
    native.kernels.cache_clear()


@pytest.fixture(params=["compiled", "compiled-plain"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    choose(request.param, monkeypatch)
    yield request.param
    native.kernels.cache_clear()


def draw(sizes: tuple[int, int, int, int], scale: float = 1.0, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Query, keys, vector, gradient of the scores."""
    batch, target, source, hidden = sizes
    generator = torch.Generator().manual_seed(sum(sizes))
    shapes = ((batch, target, hidden), (batch, source, hidden), (hidden,), (batch, target, source))
    drawn = [torch.randn(shape, generator=generator, dtype=torch.double) for shape in shapes]
    return [(drawn[0] * scale).to(dtype), (drawn[1] * scale).to(dtype), drawn[2].to(dtype), drawn[3].to(dtype)]


def run(scores: Callable[..., Tensor], query: Tensor, keys: Tensor, vector: Tensor, grad: Tensor) -> list[Tensor]:
    """Scores and the gradients of the three."""
    leaves = [each.detach().requires_grad_() for each in (query, keys, vector)]
    found = scores(*leaves)
    return [found.detach(), *torch.autograd.grad(found, leaves, grad.to(found.dtype))]


def error(found: Tensor, exact: Tensor) -> float:
    """The largest difference over the largest magnitude."""
    return float((found.double() - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1, 3, 5])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_errors_are_below_one_in_a_million(engine: str, sizes: tuple[int, int, int, int], scale: float) -> None:
    given = draw(sizes, scale)
    exact = run(plain_scores, *[each.double() for each in given])
    for found, wanted in zip(run(additive_scores, *given), exact, strict=True):
        assert error(found, wanted) < 1e-6


@targets
@pytest.mark.parametrize("value", [4.0, 9.0, -9.0, 12.0])
def test_saturated_slopes_keep_their_digits(compiled: str, value: float, target: int) -> None:
    """Where 1 − tanh² would have lost them."""
    query, keys, vector, grad = draw((1, target, 5, 19))
    query, keys, grad = 0 * query + value, 0 * keys + value / 2, grad.abs()
    exact = run(plain_scores, *[each.double() for each in (query, keys, vector, grad)])
    # 1 − tanh², written without a difference
    slope = (
        4 * torch.exp(torch.tensor(-3.0 * abs(value)).double()) / (1 + torch.exp(torch.tensor(-3.0 * abs(value)))) ** 2
    )
    found = run(additive_scores, query, keys, vector, grad)
    assert error(found[1], slope * vector.double() * grad.double().sum(2, keepdim=True)) < 1e-6
    assert error(found[0], exact[0]) < 1e-6


@targets
def test_errors_stay_small_where_query_and_key_cancel(engine: str, target: int) -> None:
    query, keys, vector, grad = draw((1, target, 5, 32))
    keys = torch.full_like(keys, -7.0) + 1e-2 * keys
    query = torch.full_like(query, 7.0) + 1e-2 * query
    exact = run(plain_scores, *[each.double() for each in (query, keys, vector, grad)])
    for found, wanted in zip(run(additive_scores, query, keys, vector, grad), exact, strict=True):
        assert float((found.double() - wanted).abs().max()) < 1e-6 * max(1.0, float(wanted.abs().max()))


@targets
@pytest.mark.parametrize("scale", [30, 1e4])
def test_large_inputs_saturate(engine: str, scale: float, target: int) -> None:
    given = draw((2, target, 13, 47), scale)
    given[0][0, 0, 0], given[1][0, 0, 1] = torch.inf, -torch.inf
    found = run(additive_scores, *given)
    for each, wanted in zip(found, run(plain_scores, *[each.double() for each in given]), strict=True):
        assert each.isfinite().all()
        torch.testing.assert_close(each.double(), wanted, rtol=1e-5, atol=1e-5)


@targets
@pytest.mark.parametrize("far", [9.9, 10.1, 50.0])
def test_one_large_feature_changes_no_other_row(engine: str, far: float, target: int) -> None:
    query, keys, vector, grad = draw((1, target, 7, 40))
    keys[0, 3, 20] = far
    exact = run(plain_scores, *[each.double() for each in (query, keys, vector, grad)])
    for found, wanted in zip(run(additive_scores, query, keys, vector, grad), exact, strict=True):
        assert error(found, wanted) < 1e-6


@targets
@pytest.mark.parametrize("large", [1e3, 1.1e3, 1e30])
def test_a_large_vector_does_not_overflow(engine: str, large: float, target: int) -> None:
    query, keys, vector, grad = draw((2, target, 5, 33))
    query[:], keys[:] = 9.5, 9.5
    vector = vector.sign() * large
    exact = run(plain_scores, *[each.double() for each in (query, keys, vector, grad)])
    found = run(additive_scores, query, keys, vector, grad)
    assert error(found[0], exact[0]) < 1e-6
    assert all(each.isfinite().all() for each in found)


@targets
def test_nan_stays_where_it_is(engine: str, target: int) -> None:
    query, keys, vector, grad = draw((2, target, 5, 35))
    clean = run(additive_scores, query, keys, vector, grad)
    keys[1, 2, 34] = torch.nan
    scores, grad_query, grad_keys, grad_vector = run(additive_scores, query, keys, vector, grad)
    hit = torch.zeros_like(scores, dtype=torch.bool)
    hit[1, :, 2] = True
    assert scores.isnan().equal(hit)
    torch.testing.assert_close(scores[~hit], clean[0][~hit], rtol=0, atol=1e-5)
    assert grad_query[1, :, 34].isnan().all()
    assert grad_query.isnan().sum() == target
    assert grad_keys.isnan().nonzero().tolist() == [[1, 2, 34]]
    assert grad_vector.isnan().nonzero().tolist() == [[34]]


def test_nan_in_the_vector_is_in_every_score(engine: str) -> None:
    query, keys, vector, _ = draw((2, 3, 5, 35))
    vector[7] = torch.nan
    assert additive_scores(query, keys, vector).isnan().all()


def test_inputs_need_not_be_contiguous(engine: str) -> None:
    query, keys, vector, grad = draw((3, 7, 5, 26))
    wanted = run(additive_scores, query, keys, vector, grad)
    views = [
        query.transpose(0, 1).contiguous().transpose(0, 1),
        torch.stack([keys, keys], -1)[..., 0],
        torch.stack([vector, vector], -1)[:, 1],
        grad.transpose(1, 2).contiguous().transpose(1, 2),
    ]
    assert not any(each.is_contiguous() for each in views)
    for found, same in zip(run(additive_scores, *views), wanted, strict=True):
        torch.testing.assert_close(found, same)


@targets
def test_an_expanded_gradient_is_read_right(engine: str, target: int) -> None:
    query, keys, vector, grad = draw((3, target, 5, 26))
    wanted = run(additive_scores, query, keys, vector, torch.ones_like(grad))
    for found, same in zip(
        run(additive_scores, query, keys, vector, torch.ones(()).expand_as(grad)), wanted, strict=True
    ):
        assert found.equal(same)


@pytest.mark.parametrize(
    "sizes", [(0, 3, 5, 7), (2, 0, 5, 7), (2, 3, 0, 7), (2, 3, 5, 0), (0, 1, 5, 7), (2, 1, 0, 7), (2, 1, 5, 0)], ids=str
)
def test_empty_sizes_give_empty_sums(engine: str, sizes: tuple[int, int, int, int]) -> None:
    given = draw(sizes)
    for found, wanted in zip(run(additive_scores, *given), run(plain_scores, *given), strict=True):
        assert found.equal(wanted)


def test_only_what_needs_a_gradient_gets_one(engine: str) -> None:
    query, keys, vector, _ = draw((2, 3, 5, 7))
    additive_scores(query, keys.requires_grad_(), vector).sum().backward()
    assert keys.grad is not None
    assert query.grad is None
    assert vector.grad is None


@pytest.mark.parametrize("target", [1, 37])
def test_a_row_gets_the_same_bits_in_any_company(compiled: str, target: int) -> None:
    query, keys, vector, grad = draw((5, target, 41, 75), 4.0)
    scores, grad_query, grad_keys, _ = run(additive_scores, query, keys, vector, grad)
    for row in (0, 4):
        here = slice(row, row + 1)
        alone = run(additive_scores, query[here], keys[here], vector, grad[here])
        for found, wanted in zip(alone[:3], (scores, grad_query, grad_keys), strict=True):
            assert found.equal(wanted[here])
        assert additive_scores(query[here], keys[here, :17], vector).equal(scores[here, :, :17])
        for steps in range(2, target, 7):
            assert additive_scores(query[here, :steps], keys[here], vector).equal(scores[here, :steps])


@pytest.mark.parametrize("scale", [0.1, 1, 4, 30])
def test_a_single_step_gets_what_it_gets_among_others(engine: str, scale: float) -> None:
    """Not the same bits: a key with one pair only is computed in another way."""
    query, keys, vector, grad = draw((3, 5, 71, 75), scale)
    scores, grad_query, _, _ = run(additive_scores, query, keys, vector, grad)
    for step in (0, 1, 4):
        here = slice(step, step + 1)
        found = run(additive_scores, query[:, here], keys, vector, grad[:, here])
        assert error(found[0], scores[:, here].double()) < 1e-6
        assert error(found[1], grad_query[:, here].double()) < 1e-6


@pytest.mark.parametrize("sizes", [(1, 200, 90, 100), (7, 40, 30, 100), (3, 1, 900, 100)], ids=str)
def test_threads_do_not_change_a_bit(
    compiled: str, sizes: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = draw(sizes)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        wanted = run(additive_scores, *given)
        for threads in (2, 3):
            torch.set_num_threads(threads)
            own = replace(native.kernels(), team=None)
            for kernels in (native.kernels(), own):
                with monkeypatch.context() as patch:
                    patch.setattr(native, "kernels", lambda kernels=kernels: kernels)
                    found = run(additive_scores, *given)
                assert all(each.equal(same) for each, same in zip(found, wanted, strict=True))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(engine: str, dtype: torch.dtype) -> None:
    given = draw((2, 3, 5, 67), dtype=dtype)
    found = run(additive_scores, *given)
    assert all(each.dtype == dtype for each in found)
    for each, wanted in zip(found, run(plain_scores, *[each.double() for each in given]), strict=True):
        assert error(each, wanted) < torch.finfo(dtype).eps
    assert additive_scores(given[0] * 1e4, given[1] * 1e4, given[2]).isfinite().all()


def test_autocast_returns_what_the_projections_return(engine: str) -> None:
    query, keys, vector, _ = draw((2, 3, 5, 67))
    exact = plain_scores(query.double(), keys.double(), vector.double())
    leaves = [query.bfloat16().requires_grad_(), keys.bfloat16().requires_grad_(), vector.requires_grad_()]
    with torch.autocast("cpu", torch.bfloat16):
        found = additive_scores(*leaves)
        found.float().sum().backward()
    assert found.dtype == torch.bfloat16
    assert error(found, exact.detach()) < 0.05
    assert vector.grad is not None
    assert vector.grad.dtype == torch.float32
