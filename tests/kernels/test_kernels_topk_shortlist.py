"""Rows that may use some tokens alone choose among these, as from logits where all else is impossible."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from regard.data.batch import END
from regard.kernels import topk_shortlist as listed
from regard.kernels.library import SWITCH
from regard.kernels.logits import best_of
from regard.kernels.topk_shortlist import ListedOutput, Lists, kernels

ENGINES = {"fast": "", "plain": "plain", "pytorch": "off"}
ROWS = {
    "one": [0],
    "of each": [0, 1, 2, 3],
    "beams": [0] * 5 + [1] * 4 + [3] * 7,
    "many": [row % 4 for row in range(83)],
    "of one": [2] * 40,
    "runs": [count % 4 for count in range(1, 10) for _ in range(count)],
}
EACH = pytest.mark.parametrize("name", ROWS)


@pytest.fixture(params=ENGINES, autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, ENGINES[request.param])
    kernels.cache_clear()
    if request.param != "pytorch" and kernels().library is None:
        pytest.skip(kernels().reason)
    with torch.no_grad():
        yield
    kernels.cache_clear()


def made(vocabulary: int, depth: int, density: float = 0.2) -> tuple[ListedOutput, Tensor, Lists]:
    """A layer, what four sentences may use, and its lists; the third has an empty one."""
    common = torch.tensor([0, 1, END, 3, 9, vocabulary - 1])
    allowed = torch.rand(4, vocabulary) < density
    allowed[2] = False
    allowed[:, common] = True
    weight, bias = torch.randn(vocabulary, depth), torch.randn(vocabulary)
    return ListedOutput(weight, bias, common), allowed, Lists.of(*allowed.numpy().nonzero(), 4, common)


def logits(output: ListedOutput, features: Tensor, allowed: Tensor) -> Tensor:
    """By their definition, in double precision."""
    found = features.double() @ output.weight.double().t() + output.bias.double()
    return found.float().masked_fill(~allowed, -torch.inf)


@EACH
@pytest.mark.parametrize(("vocabulary", "depth"), [(13, 1), (301, 64), (700, 33)])
def test_avx2_and_avx512_give_the_same_bits(
    name: str, vocabulary: int, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = kernels()
    if newest.fast < 2:
        pytest.skip("AVX-512 is not in use")
    output, _, lists = made(vocabulary, depth)
    rows = torch.tensor(ROWS[name])
    features = torch.randn(len(rows), depth)
    found = [output.best(features, lists, rows, 5)]
    monkeypatch.setattr(listed, "kernels", lambda: replace(newest, fast=1))
    found.append(output.best(features, lists, rows, 5))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@EACH
@pytest.mark.parametrize(("vocabulary", "depth"), [(13, 1), (50, 7), (301, 64), (700, 33)])
@pytest.mark.parametrize("width", [1, 5, 12])
def test_the_best_are_those_of_the_logits(name: str, vocabulary: int, depth: int, width: int) -> None:
    output, allowed, lists = made(vocabulary, depth)
    rows = torch.tensor(ROWS[name])
    features = torch.randn(len(rows), depth)
    expected = logits(output, features, allowed[rows])
    torch.testing.assert_close(output.project(features, lists, rows), expected, atol=3e-5, rtol=0)
    log_probs, tokens = output.best(features, lists, rows, width)
    wanted, names = best_of(expected, width)
    torch.testing.assert_close(log_probs, wanted, atol=3e-5, rtol=0)
    possible = wanted > -torch.inf
    assert torch.equal(tokens[possible], names[possible])
    assert (tokens >= END).all()


@EACH
def test_company_lists_and_threads_change_nothing(name: str) -> None:
    """To the last bit, whatever else is in the batch and however long its lists are."""
    output, allowed, lists = made(301, 37)
    rows, threads = torch.tensor(ROWS[name]), torch.get_num_threads()
    features = torch.randn(len(rows), 37)
    together = output.best(features, lists, rows, 4)
    if output._panels is None:
        return
    try:
        torch.set_num_threads(3)
        several = output.best(features, lists, rows, 4)
    finally:
        torch.set_num_threads(threads)
    for place, row in enumerate(ROWS[name]):
        own = Lists.of(*allowed[row : row + 1].numpy().nonzero(), 1, output.common)
        alone = output.best(features[place : place + 1], own, torch.tensor([0]), 4)
        for one, other, third in zip(alone, together, several, strict=True):
            assert torch.equal(one[0], other[place])
            assert torch.equal(other[place], third[place])


def test_among_equals_the_lower_number_comes_first() -> None:
    """Whether it is common or listed."""
    allowed = torch.zeros(1, 40, dtype=torch.bool)
    allowed[0, [2, 5, 8, 20, 21, 30, 35]] = True
    output = ListedOutput(torch.zeros(40, 3), torch.zeros(40), torch.tensor([2, 8, 30]))
    lists = Lists.of(*allowed.numpy().nonzero(), len(allowed), output.common)
    _, tokens = output.best(torch.ones(1, 3), lists, torch.tensor([0]), 6)
    assert tokens.tolist() == [[2, 5, 8, 20, 21, 30]]


def test_a_layer_without_bias() -> None:
    output, allowed, lists = made(50, 7)
    plain = ListedOutput(output.weight, None, output.common)
    features, rows = torch.randn(4, 7), torch.arange(4)
    wanted = (features @ output.weight.t()).masked_fill(~allowed, -torch.inf)
    torch.testing.assert_close(plain.best(features, lists, rows, 1)[0], best_of(wanted, 1)[0])


@pytest.mark.parametrize("fault", [torch.nan, torch.inf])
def test_a_row_that_is_no_distribution_is_not_a_number(fault: float) -> None:
    output, _, lists = made(50, 7)
    features, rows = torch.randn(4, 7), torch.arange(4)
    features[1, 3] = fault
    log_probs, _ = output.best(features, lists, rows, 2)
    assert log_probs.isnan().all(1).tolist() == [False, True, False, False]


def test_chosen_lists_of_some_are_those_of_their_sentences() -> None:
    _, allowed, lists = made(50, 7)
    common = torch.tensor([0, 1, END, 3, 9, 49])
    chosen = torch.tensor([3, 2, 0])
    for found, wanted in (
        (Lists.stack([(lists, chosen)]), allowed[chosen]),
        (Lists.stack([(lists, chosen), (lists, torch.arange(4))]), torch.cat([allowed[chosen], allowed])),
    ):
        expected = Lists.of(*wanted.numpy().nonzero(), len(wanted), common)
        assert torch.equal(found.starts, expected.starts)
        assert torch.equal(found.tokens, expected.tokens)
        assert found.longest == expected.longest
