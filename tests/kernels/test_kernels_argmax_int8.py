"""The best token by rounded weights is that of the weights."""

from typing import Any

import pytest
import torch
from torch import Tensor

from regard.data.batch import END
from regard.kernels import argmax_int8 as argmax
from regard.kernels.argmax_int8 import MAX_ROWS, Argmax
from regard.kernels.layout import pack
from regard.kernels.library import SWITCH
from regard.kernels.library import kernels as others
from regard.kernels.topk import finder

SIZES = [(1, 3), (7, 5), (64, 127), (33, 1000), (5, 130), (700, 40), (1100, 17)]


@pytest.fixture(params=["", "plain"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, request.param)
    for each in (argmax.kernels, others):
        each.cache_clear()
    if not argmax.serves():
        pytest.skip(argmax.kernels().reason)
    yield
    for each in (argmax.kernels, others):
        each.cache_clear()


def agree(features: Tensor, weight: Tensor, bias: Tensor) -> None:
    found = Argmax(weight, bias)
    assert found.known
    _, expected = finder(pack(weight), bias)(features, 1)
    for few in range(1, MAX_ROWS + 1):
        tokens = torch.cat([torch.as_tensor(found(part)) for part in features.split(few)])
        assert torch.equal(tokens, expected.squeeze(1))


@pytest.mark.parametrize(("depth", "columns"), SIZES)
def test_it_is_that_of_the_layer(depth: int, columns: int) -> None:
    agree(torch.randn(40, depth), torch.randn(columns, depth), torch.randn(columns))


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e-3, 1.0, 1e3, 1e15])
@pytest.mark.parametrize("closeness", [0.0, 1e-7, 1e-5, 1e-3, 1e-1])
def test_also_where_rounding_makes_them_equal(scale: float, closeness: float) -> None:
    """Columns that differ by less than a rounded weight can tell, or not at all: then the lower number is the best."""
    weight = torch.randn(1, 48) + closeness * torch.randn(300, 48)
    agree(torch.randn(50, 48), scale * weight, scale * closeness * torch.randn(300))


def test_also_where_one_weight_is_much_larger_than_the_others() -> None:
    """So that all the others are rounded to nothing."""
    weight = torch.randn(200, 32)
    weight[:, 7] = 1e4
    features = torch.randn(40, 32)
    features[:, 7] *= 1e-4
    agree(features, weight, torch.zeros(200))


def test_also_where_a_feature_is_much_larger_than_the_others() -> None:
    features = torch.randn(40, 32)
    features[:, 3] = 1e6
    weight = torch.randn(200, 32)
    weight[:, 3] *= 1e-6
    agree(features, weight, torch.zeros(200))


def test_also_where_nothing_is_left_but_the_bias() -> None:
    agree(torch.zeros(5, 9), torch.randn(70, 9), torch.randn(70))
    agree(torch.randn(5, 9), torch.zeros(70, 9), torch.randn(70) * 1e6)
    agree(torch.randn(5, 9), torch.zeros(70, 9), torch.zeros(70))


def test_also_where_a_bias_forbids_a_token_or_settles_it() -> None:
    bias = torch.randn(70)
    bias[END] = -1e9
    agree(torch.randn(40, 9), torch.randn(70, 9), bias)
    bias[40] = 1e9
    agree(torch.randn(40, 9), torch.randn(70, 9), bias)


def test_padding_and_the_begin_mark_are_never_chosen() -> None:
    bias = torch.zeros(20)
    bias[:END] = 9.0
    tokens = Argmax(torch.zeros(20, 4), bias)(torch.ones(2, 4))
    assert tokens is not None
    assert tokens.tolist() == [END] * 2


@pytest.mark.parametrize("fault", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_left_to_others(fault: float) -> None:
    weight, bias, features = torch.randn(30, 6), torch.randn(30), torch.randn(3, 6)
    features[1, 5] = fault
    assert Argmax(weight, bias)(features) is None
    weight[29, 5] = fault
    assert not Argmax(weight, bias).known
    weight[29, 5], bias[29] = 1.0, fault
    assert not Argmax(weight, bias).known


def test_threads_change_nothing() -> None:
    features, weight, bias = torch.randn(MAX_ROWS, 96), torch.randn(5000, 96), torch.randn(5000)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(Argmax(weight, bias)(features))
    finally:
        torch.set_num_threads(threads)
    assert found[0] is not None
    assert all(torch.equal(found[0], other) for other in found[1:] if other is not None)
    assert None not in found[1:]
