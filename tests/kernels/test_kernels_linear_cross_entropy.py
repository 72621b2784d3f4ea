"""The chunked output layer and loss: the numbers of the plain expression, forward and backward, in little memory."""

from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from regard.kernels import linear_cross_entropy as module
from regard.kernels.linear_cross_entropy import linear_cross_entropy, plain_cross_entropies

SIZES = [(7, 5, 11), (1, 5, 11), (7, 1, 11), (7, 5, 2), (1, 1, 2), (331, 13, 1009), (0, 5, 11)]
smoothings = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
biases = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


@pytest.fixture(autouse=True, params=[3, 320], ids=["small chunks", "usual chunks"])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Most rows of a chunk."""
    monkeypatch.setattr(module, "CHUNK_ROWS", request.param)
    monkeypatch.setattr(module, "CHUNK_LOGITS", 1)
    return int(request.param)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """The tests check annotations when a function is called; users do not, and a tracer has symbols for sizes."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def draw(sizes: tuple[int, int, int], bias: bool, dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], Tensor]:
    """Features, weight and bias, which need gradients, and targets."""
    (tokens, features, vocab), generator = sizes, torch.Generator().manual_seed(sum(sizes))
    shapes = [(tokens, features), (vocab, features), (vocab,)][: 2 + bias]
    operands = [torch.randn(shape, generator=generator, dtype=torch.double).to(dtype) for shape in shapes]
    return [each.requires_grad_() for each in operands], torch.randint(vocab, (tokens,), generator=generator)


def call(operands: Any, targets: Tensor, smoothing: float, agreement: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    features, weight, bias = (*operands, None)[:3]
    found = linear_cross_entropy(features, weight, bias, targets, smoothing, agreement)
    return found.total, found.losses, found.nll


def plain(operands: Any, targets: Tensor, smoothing: float, agreement: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    return plain_cross_entropies(targets, smoothing, *operands, agreement=agreement)


def results(
    function: Callable[..., Any], operands: list[Tensor], targets: Tensor, smoothing: float, agreement: float = 0.0
) -> list[Tensor]:
    """The three sums, and the gradients of the total times 0.3."""
    found = function(operands, targets, smoothing, agreement)
    return [each.detach() for each in found] + list(torch.autograd.grad(0.3 * found[0], operands))


def error(found: Tensor, exact: Tensor) -> float:
    """The largest difference over the largest magnitude."""
    if not exact.any():
        return float(found.count_nonzero())
    return float((found.double() - exact).abs().max() / exact.abs().max())


@biases
@smoothings
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_numbers_are_those_of_the_plain_expression(
    dtype: torch.dtype, bound: float, sizes: tuple[int, int, int], smoothing: float, bias: bool
) -> None:
    operands, targets = draw(sizes, bias, dtype)
    exact = results(plain, [each.detach().double().requires_grad_() for each in operands], targets, smoothing)
    found = results(call, operands, targets, smoothing)
    assert all(each.dtype == dtype for each in found)
    assert max(map(error, found, exact)) < bound


@biases
@smoothings
@pytest.mark.parametrize("sizes", [(6, 5, 11), (2, 1, 2), (662, 13, 1009), (0, 5, 11)])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_two_passes_agree_as_in_the_plain_expression(
    dtype: torch.dtype, bound: float, sizes: tuple[int, int, int], smoothing: float, bias: bool
) -> None:
    operands, targets = draw(sizes, bias, dtype)
    exact = results(plain, [each.detach().double().requires_grad_() for each in operands], targets, smoothing, 1.7)
    found = results(call, operands, targets, smoothing, 1.7)
    assert max(map(error, found, exact)) < bound
    with torch.no_grad():
        torch.testing.assert_close(call(operands, targets, smoothing, 1.7)[1], found[1])


def test_two_passes_that_are_far_apart_stay_finite() -> None:
    """A probability that single precision cannot hold counts as the smallest that it can."""
    features = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    found = linear_cross_entropy(features, torch.tensor([[1.0], [-1.0]]), None, torch.tensor([0, 0]), 0.0, 2.0)
    found.total.backward()
    assert found.total > 87
    assert features.grad.isfinite().all()


def test_two_passes_have_as_many_rows_each() -> None:
    (features, weight), targets = draw((3, 5, 11), False)
    with pytest.raises(ValueError, match=r"^linear_cross_entropy: given 3 rows; expected an even number, of two pass"):
        linear_cross_entropy(features, weight, None, targets, 0.0, 1.0)


@biases
@smoothings
def test_gradcheck(smoothing: float, bias: bool) -> None:
    operands, targets = draw((5, 2, 3), bias)
    assert torch.autograd.gradcheck(lambda *given: call(given, targets, smoothing)[0], operands)


@smoothings
def test_worked_example(smoothing: float) -> None:
    """One token, two entries of probability 3/4 and 1/4."""
    features, weight = torch.ones(1, 1), torch.tensor([[3.0], [1.0]]).log().requires_grad_()
    found = linear_cross_entropy(features, weight, None, torch.tensor([1]), smoothing)
    right, other = torch.tensor([4.0, 4 / 3]).log()
    torch.testing.assert_close(found.nll, right.unsqueeze(0))
    expected = (1 - smoothing / 2) * right + smoothing / 2 * other
    torch.testing.assert_close(found.losses, expected.unsqueeze(0))
    found.total.backward()
    torch.testing.assert_close(weight.grad, torch.tensor([[0.75 - smoothing / 2], [smoothing / 2 - 0.75]]))


@pytest.mark.parametrize("scale", [1e3, 1e-3])
def test_logits_may_be_large_or_small(scale: float) -> None:
    """A target of probability 0 in single precision still has its loss."""
    operands, targets = draw((7, 5, 11), True, torch.float32)
    operands = [operands[0], *((each * scale).detach().requires_grad_() for each in operands[1:])]
    exact = results(plain, [each.detach().double().requires_grad_() for each in operands], targets, 0.1)
    assert exact[2].max() > 200 or scale < 1
    assert max(map(error, results(call, operands, targets, 0.1), exact)) < 1e-5


def test_what_is_not_a_number_shows() -> None:
    operands, targets = draw((7, 5, 11), True, torch.float32)
    with torch.no_grad():
        operands[0][2, 1] = float("nan")
    found = call(operands, targets, 0.1)
    assert found[0].isnan()
    assert found[2].isnan().tolist() == [row == 2 for row in range(7)]


def test_a_weight_may_be_the_embedding_that_the_features_come_from() -> None:
    (_, weight), targets = draw((7, 5, 11), False)
    found = [torch.autograd.grad(which((weight[:7], weight), targets, 0.1)[0], weight)[0] for which in (call, plain)]
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (False, False, True)])
def test_only_what_needs_a_gradient_gets_one(needed: tuple[bool, ...], chunk: int) -> None:
    operands, targets = draw((7, 5, 11), True)
    expected = results(plain, operands, targets, 0.1)[3:]
    given = [each.detach().requires_grad_(need) for each, need in zip(operands, needed, strict=True)]
    with FlopCounterMode(display=False) as counter:
        total = call(given, targets, 0.1)[0]
    products = counter.get_total_flops() / (2 * 7 * 5 * 11)
    assert products < (2.5 if any(needed[:2]) else 1.5)
    (0.3 * total).backward()
    for each, need, wanted in zip(given, needed, expected, strict=True):
        torch.testing.assert_close(each.grad, wanted if need else None)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_a_gradient_there_is_one_product(mode: Any) -> None:
    operands, targets = draw((7, 5, 11), True)
    with mode(), FlopCounterMode(display=False) as counter:
        found = call(operands, targets, 0.1)
    assert counter.get_total_flops() < 1.5 * 2 * 7 * 5 * 11
    for each, exact in zip(found, plain(operands, targets, 0.1), strict=True):
        assert not each.requires_grad
        torch.testing.assert_close(each, exact.detach())


def test_losses_of_tokens_have_no_gradient() -> None:
    operands, targets = draw((7, 5, 11), True)
    total, losses, nll = call(operands, targets, 0.1)
    assert [each.requires_grad for each in (total, losses, nll)] == [True, False, False]


def test_a_second_backward_gives_the_same_gradients_again() -> None:
    operands, targets = draw((7, 5, 11), True)
    total = call(operands, targets, 0.1)[0]
    first = torch.autograd.grad(total, operands, retain_graph=True)
    kept = [each.clone() for each in first]
    for one, other, copy in zip(first, torch.autograd.grad(0.5 * total, operands), kept, strict=True):
        torch.testing.assert_close(2 * other, copy)
        assert torch.equal(one, copy)


def test_a_gradient_can_be_had_with_and_without_a_graph() -> None:
    operands, targets = draw((7, 5, 11), True)
    total = call(operands, targets, 0.1)[0]
    graphed = torch.autograd.grad(total, operands, create_graph=True)
    assert all(each.requires_grad for each in graphed)
    for one, other in zip(graphed, torch.autograd.grad(total, operands), strict=True):
        torch.testing.assert_close(one.detach(), other)


@smoothings
def test_second_derivatives(smoothing: float) -> None:
    operands, targets = draw((3, 2, 5), True)
    assert torch.autograd.gradgradcheck(lambda *given: call(given, targets, smoothing)[0], operands)


def _along(function: Callable[..., Tensor], operands: list[Tensor]) -> Any:
    """The derivative in forward mode."""
    with torch.autograd.forward_ad.dual_level():
        dual = [torch.autograd.forward_ad.make_dual(each.detach(), torch.ones_like(each)) for each in operands]
        return torch.autograd.forward_ad.unpack_dual(function(*dual)).tangent


TRANSFORMS: dict[str, Callable[..., Any]] = {
    "grad": lambda function, operands: torch.func.grad(function, (0, 1, 2))(*operands),
    "hessian": lambda function, operands: torch.func.hessian(function)(*operands),
    "forward mode": _along,
    "vmap": lambda function, operands: torch.vmap(function, (0, None, None))(
        torch.stack([operands[0], 2 * operands[0]]), *operands[1:]
    ),
    "trace": lambda function, operands: torch.jit.trace(function, tuple(operands))(*[2 * each for each in operands]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.usefixtures("unchecked")
def test_transforms_get_the_plain_expression(name: str) -> None:
    operands, targets = draw((7, 2, 5), True)
    found, expected = (
        TRANSFORMS[name](lambda *given, which=which: which(given, targets, 0.1)[0], operands) for which in (call, plain)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("unchecked")
def test_it_can_be_exported() -> None:
    class Layer(nn.Module):
        def forward(self, features: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
            return linear_cross_entropy(features, weight, None, targets, 0.1).total

    (features, weight), targets = draw((7, 5, 11), False)
    given = (features.detach(), weight.detach(), targets)
    torch.testing.assert_close(torch.export.export(Layer(), given).module()(*given), Layer()(*given))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    operands, targets = draw((7, 5, 11), True, dtype)
    found = results(call, operands, targets, 0.1)
    expected = results(plain, [each.detach().float().requires_grad_() for each in operands], targets, 0.1)
    assert [each.dtype for each in found] == [torch.float32] * 3 + [dtype] * 3
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other.to(one.dtype), atol=1e-6, rtol=1e-2)


def test_features_need_not_be_contiguous() -> None:
    (features, weight), targets = draw((7, 5, 11), False)
    views = [features.detach().t().contiguous().t(), weight.detach().t().contiguous().t()]
    found = results(call, [each.requires_grad_() for each in views], targets, 0.1)
    for one, other in zip(found, results(call, [features, weight], targets, 0.1), strict=True):
        torch.testing.assert_close(one, other)


def test_only_a_chunk_of_logits_is_held(chunk: int) -> None:
    """No tensor is larger than the weight or the two buffers of a chunk."""
    operands, targets = draw((331, 2, 1009), True, torch.float32)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            found = function(*args, **(kwargs or {}))
            for each in found if isinstance(found, tuple | list) else [found]:
                if isinstance(each, Tensor):
                    largest = max(largest, each.untyped_storage().nbytes() // each.element_size())
            return found

    with Watch():
        call(operands, targets, 0.1)[0].backward()
    assert 1009 * min(chunk, 166) <= largest <= 1009 * 2 * max(1, min(chunk, 166))
    assert largest > 2 * 1009  # the weight's gradient was seen


REFUSED: dict[str, tuple[dict[str, Tensor | None], type[Exception], str]] = {
    "features": ({"features": torch.ones(2, 3, 5)}, ValueError, r"features have shape \(2, 3, 5\); expected \(tokens,"),
    "weight": ({"weight": torch.ones(11, 4)}, ValueError, r"weight has shape \(11, 4\); expected \(vocab, 5\)"),
    "bias": (
        {"bias": torch.ones(5)},
        ValueError,
        r"bias term has shape \(5,\); expected \(11\). Give one number per entry",
    ),
    "targets": ({"targets": torch.ones(3).long()}, ValueError, r"targets have shape \(3,\); expected \(7\)"),
    "integers": (
        {"features": torch.ones(7, 5).long()},
        TypeError,
        r"features have dtype torch.int64; expected a float",
    ),
    "device": (
        {"bias": torch.ones(11, device="meta")},
        ValueError,
        r"bias term is on meta; expected cpu, where features are",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit_is_refused(name: str) -> None:
    (features, weight, bias), targets = draw((7, 5, 11), True)
    given = {"features": features, "weight": weight, "bias": bias, "targets": targets}
    wrong, kind, message = REFUSED[name]
    with pytest.raises(kind, match=rf"^linear_cross_entropy: {message}"):
        linear_cross_entropy(**given | wrong)  # type: ignore[arg-type]


def test_a_target_outside_the_vocabulary_is_refused() -> None:
    operands, targets = draw((7, 5, 11), True)
    for wrong in (-100, 11):
        with pytest.raises(ValueError, match="a target is no column; expected 0 to 10"):
            call(operands, targets.clone().fill_(wrong), 0.1)


def test_plain_matches_torch() -> None:
    (features, weight, bias), targets = draw((7, 5, 11), True)
    found = plain_cross_entropies(targets, 0.1, features, weight, bias)
    logits = F.linear(features, weight, bias)
    torch.testing.assert_close(found[0], F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.1))
    torch.testing.assert_close(found[2], F.cross_entropy(logits, targets, reduction="none").detach())
