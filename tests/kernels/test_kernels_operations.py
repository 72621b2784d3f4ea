"""Compiled functions against their definitions, on inputs however they lie; and a sample of the fuzzer."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from operations import OPERATIONS, Inputs, doubled, farthest, strided
from torch import Tensor

from regard.kernels.library import SWITCH, kernels
from regard.kernels.softmax import OutputSoftmax

BOUND, GRADIENT_BOUND = 2e-5, 1e-4  # sums over thousands of rows in single precision


@pytest.fixture(params=["plain", "avx2", "", "off"])
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(SWITCH, request.param)
    kernels.cache_clear()
    if kernels().library is None and request.param != "off":
        pytest.skip(kernels().reason)
    yield request.param
    kernels.cache_clear()


def apart(given: Inputs, random: Random) -> Inputs:
    """The same numbers, none of them side by side, but for what is written to."""
    return {
        name: strided(each, random) if isinstance(each, Tensor) and name != "out" else each
        for name, each in given.items()
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_function_gives_what_its_definition_does(name: str, variant: str) -> None:
    operation, random = OPERATIONS[name], Random(name)
    if variant == "off" and operation.compiled_alone:
        pytest.skip("PyTorch does not stand in for it")
    for _ in range(6):
        given = operation.draw(random)
        expected = operation.define(**doubled(given))
        assert farthest(operation.call(**given), expected) < BOUND
        given = operation.draw(random)
        expected = operation.define(**doubled(given))
        assert farthest(operation.call(**apart(given, random)), expected) < BOUND


@pytest.mark.parametrize("name", [name for name, each in OPERATIONS.items() if each.gradients])
def test_every_gradient_is_that_of_the_definition(name: str, variant: str) -> None:
    operation, random = OPERATIONS[name], Random(name)
    for lies in (lambda given, _: given, apart):
        given = operation.draw(random)

        def gradients(function: Any, given: Inputs) -> tuple[Tensor | None, ...]:
            leaves = {
                each: given[each].detach().requires_grad_() for each in operation.gradients if given[each] is not None
            }
            found = [each for each in function(**{**given, **leaves}) if each.requires_grad]
            weights = [torch.linspace(-1, 1, each.numel(), dtype=each.dtype).view(each.shape) for each in found]
            total = sum((each * weight).sum() for each, weight in zip(found, weights, strict=True))
            return torch.autograd.grad(total, list(leaves.values()), allow_unused=True)

        assert (
            farthest(gradients(operation.call, lies(given, random)), gradients(operation.define, doubled(given)))
            < GRADIENT_BOUND
        )


def test_wrong_inputs_are_refused_with_a_sentence_and_odd_ones_are_right() -> None:
    """Without the types that the tests check: by the command that makes any number of calls."""
    if kernels().library is None:
        pytest.skip(kernels().reason)
    command = [sys.executable, "-m", "tests.kernels.fuzz", "--calls", "420", "--seed", "7"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| all | 420 |" in done.stdout


def test_a_strided_bias_and_a_strided_out() -> None:
    """What gave wrong numbers, and what wrote where nothing of its own was."""
    weight, bias = torch.randn(40, 8), torch.randn(40, 2)[:, 0]
    features, targets, out = torch.randn(3, 8), torch.tensor([1, 2, 39]), torch.empty(3, 40)
    whole, _ = OutputSoftmax(weight, bias, 3)(features, targets, out)
    torch.testing.assert_close(whole, (features @ weight.t() + bias).logsumexp(1))
    with pytest.raises(ValueError, match=r"OutputSoftmax: out has strides \(80, 2\); expected \(40, 1\)"):
        OutputSoftmax(weight, bias, 3)(features, targets, torch.empty(3, 80)[:, ::2])
    with pytest.raises(ValueError, match="a target is no column; expected 0 to 39"):
        OutputSoftmax(weight, bias, 3)(features, targets + 1, out)
