"""Additive scores under what PyTorch does with functions: second derivatives, torch.func, tracing."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from torch import Tensor

from regard.kernels import additive_blocks as blocks
from regard.kernels.additive import additive_scores, plain_scores


@pytest.fixture
def unchecked() -> Iterator[None]:
    """The tests check annotations when a function is called; users do not, and a tracer has symbols for sizes."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def operands(dtype: torch.dtype = torch.double) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = ((2, 3, 5), (2, 7, 5), (5,))
    return [torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True) for shape in shapes]


def test_gradcheck_of_both_orders() -> None:
    assert torch.autograd.gradcheck(additive_scores, operands(), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(additive_scores, operands())


@pytest.mark.parametrize("size", [1, 5, 30, 100, 10**6])
def test_blocks_of_any_size_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CPU_BLOCK", size)
    leaves = operands()
    found, wanted = additive_scores(*leaves), plain_scores(*leaves)
    torch.testing.assert_close(found, wanted)
    grad = torch.linspace(-1, 1, wanted.numel(), dtype=torch.double).view_as(wanted)
    ours, theirs = (torch.autograd.grad(each, leaves, grad) for each in (found, wanted))
    for each, same in zip(ours, theirs, strict=True):
        torch.testing.assert_close(each, same)


@pytest.mark.parametrize("dtype", [torch.float32, torch.double])
def test_second_derivatives_in_single_precision_too(dtype: torch.dtype) -> None:
    leaves = operands(dtype)

    def penalty(scores: object) -> tuple[Tensor, ...]:
        assert callable(scores)
        slopes = torch.autograd.grad(scores(*leaves).square().sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in slopes), leaves)

    for found, wanted in zip(penalty(additive_scores), penalty(plain_scores), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.double])
def test_torch_func_sees_through(dtype: torch.dtype) -> None:
    query, keys, vector = (each.detach() for each in operands(dtype))

    def loss(scores: object, query: Tensor, vector: Tensor) -> Tensor:
        assert callable(scores)
        return scores(query.unsqueeze(0), keys[:1], vector).square().sum()

    for transform in (
        lambda scores: torch.func.grad(lambda one: loss(scores, query[0], one))(vector),
        lambda scores: torch.func.vmap(lambda row: loss(scores, row, vector))(query),
        lambda scores: torch.func.vmap(torch.func.grad(lambda row: loss(scores, row, vector)))(query),
        lambda scores: torch.func.jvp(lambda row: loss(scores, row, vector), (query[0],), (query[1],))[1],
        lambda scores: torch.func.hessian(lambda one: loss(scores, query[0], one))(vector),
    ):
        torch.testing.assert_close(transform(additive_scores), transform(plain_scores))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_a_traced_graph_holds_for_other_inputs() -> None:
    query, keys, vector = (each.detach() for each in operands(torch.float32))
    traced = torch.jit.trace(lambda *given: additive_scores(*given), (query, keys, vector))
    torch.testing.assert_close(traced(query + 1, keys, vector), plain_scores(query + 1, keys, vector))


def test_sizes_are_known_without_data() -> None:
    assert additive_scores(*[each.detach().to("meta") for each in operands()]).shape == (2, 3, 7)


@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit_is_refused() -> None:
    query, keys, vector = operands()
    with pytest.raises(
        ValueError, match=r"additive_scores: query has shape \(3, 5\); expected \(batch, target, hidden\)"
    ):
        additive_scores(query[0], keys, vector)
    with pytest.raises(ValueError, match=r"keys have shape \(1, 7, 5\); expected \(2, source, 5\)\. Project queries"):
        additive_scores(query, keys[:1], vector)
    with pytest.raises(ValueError, match=r"vector has shape \(4,\); expected \(5\)\. Give one weight per feature\."):
        additive_scores(query, keys, vector[:4])
    with pytest.raises(TypeError, match=r"keys have dtype torch.int64; expected a floating point one"):
        additive_scores(query, keys.long(), vector)
    with pytest.raises(ValueError, match=r"keys are on meta; expected cpu, where query is"):
        additive_scores(query, keys.to("meta"), vector)
