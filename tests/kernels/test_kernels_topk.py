"""The best tokens without their logits are those of the logits."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard.data.batch import END
from regard.kernels import topk as best
from regard.kernels.layout import PANEL, pack
from regard.kernels.library import SWITCH
from regard.kernels.logits import best_of
from regard.kernels.topk import finder, kernels, serves

ENGINES = {"fast": "", "plain": "plain"}
SIZES = [(1, 1, 3), (3, 7, 5), (7, 64, 127), (70, 33, 1000), (131, 5, 130), (2, 11, 4000)]


@pytest.fixture(params=ENGINES, autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, ENGINES[request.param])
    kernels.cache_clear()
    if not serves():
        pytest.skip(kernels().reason)
    yield
    kernels.cache_clear()


def layer(rows: int, depth: int, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features, weight and bias."""
    return torch.randn(rows, depth), torch.randn(columns, depth), torch.randn(columns)


def agree(found: tuple[Tensor, Tensor], logits: Tensor, width: int) -> None:
    log_probs, tokens = best_of(logits, width)
    torch.testing.assert_close(found[0], log_probs, atol=3e-5, rtol=0, equal_nan=True)
    assert torch.equal(found[1], tokens)


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
@pytest.mark.parametrize("width", [1, 5, 12])
def test_they_are_the_same(rows: int, depth: int, columns: int, width: int) -> None:
    features, weight, bias = layer(rows, depth, columns)
    logits = F.linear(features.double(), weight.double(), bias.double()).float()
    agree(finder(pack(weight), bias)(features, width), logits, width)


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
def test_avx2_and_avx512_give_the_same_bits(
    rows: int, depth: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = kernels()
    if newest.fast < 2:
        pytest.skip("AVX-512 is not in use")
    features, weight, bias = layer(rows, depth, columns)
    found = [finder(pack(weight), bias)(features, 5)]
    monkeypatch.setattr(best, "kernels", lambda: replace(newest, fast=1))
    found.append(finder(pack(weight), bias)(features, 5))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_among_equals_the_lower_number_comes_first() -> None:
    """Also where they lie in different tiles, taken by different threads."""
    bias = torch.zeros(700)
    bias[[650, 300, 299, 8]] = 1.0
    _, tokens = finder(pack(torch.zeros(700, 4)), bias)(torch.ones(9, 4), 6)
    assert tokens.tolist() == [[8, 299, 300, 650, 2, 3]] * 9


def test_padding_and_the_begin_mark_are_summed_and_never_chosen() -> None:
    bias = torch.tensor([5.0, 6.0, 0.0, 1.0])
    log_probs, tokens = finder(pack(torch.zeros(4, 2)), bias)(torch.zeros(1, 2), 9)
    assert tokens.tolist() == [[3, 2]]
    torch.testing.assert_close(log_probs, bias.log_softmax(0)[[3, 2]].unsqueeze(0))


@pytest.mark.parametrize("fault", [torch.nan, torch.inf])
@pytest.mark.parametrize("column", [0, 2, 130, 299])
def test_a_row_that_is_no_distribution_is_not_a_number(fault: float, column: int) -> None:
    features, weight, bias = layer(5, 3, 300)
    assert not finder(pack(weight), bias)(features, 2)[0].isnan().any()
    bias[column] = fault
    assert finder(pack(weight), bias)(features, 2)[0].isnan().all()
    features[2, 0], bias[column] = torch.nan, 0.0
    assert finder(pack(weight), bias)(features, 2)[0].isnan().all(1).tolist() == [False, False, True, False, False]


def test_a_row_that_allows_no_token_is_not_a_number() -> None:
    bias = torch.zeros(300)
    bias[END:] = -torch.inf
    assert finder(pack(torch.zeros(300, 3)), bias)(torch.ones(2, 3), 2)[0].isnan().all()
    bias[END + 5] = 0.0
    log_probs, tokens = finder(pack(torch.zeros(300, 3)), bias)(torch.ones(2, 3), 2)
    assert tokens[:, 0].tolist() == [END + 5] * 2
    assert log_probs[:, 1].tolist() == [-torch.inf] * 2


def test_large_and_small_logits_keep_their_sums() -> None:
    bias = torch.linspace(-3e4, 3e4, 500)
    agree(finder(pack(torch.zeros(500, 2)), bias)(torch.ones(1, 2), 4), bias.unsqueeze(0), 4)


def test_company_and_threads_change_nothing() -> None:
    features, weight, bias = layer(41, 23, 999)
    panels, threads = pack(weight), torch.get_num_threads()
    together = finder(panels, bias)(features, 4)
    try:
        torch.set_num_threads(3)
        several = finder(panels, bias)(features, 4)
    finally:
        torch.set_num_threads(threads)
    for row in range(41):
        alone = finder(panels, bias)(features[row : row + 1], 4)
        for one, other, third in zip(alone, together, several, strict=True):
            assert torch.equal(one[0], other[row])
            assert torch.equal(other[row], third[row])


def test_panels_hold_the_columns_and_zeros() -> None:
    weight = torch.randn(PANEL + 3, 5)
    panels = pack(weight)
    assert torch.equal(panels.transpose(1, 2).flatten(0, 1)[: PANEL + 3], weight)
    assert not panels[1, :, 3:].any()
