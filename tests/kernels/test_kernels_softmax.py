"""The softmax of an output layer in compiled code is that of PyTorch."""

from typing import Any

import pytest
import torch
from torch import Tensor

from regard.kernels.library import SWITCH
from regard.kernels.softmax import OutputSoftmax, kernels

SIZES = [(1, 1, 1), (3, 7, 5), (70, 33, 1000), (131, 5, 130), (2, 11, 4000)]


@pytest.fixture(params=["", "plain"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, request.param)
    kernels.cache_clear()
    if kernels().library is None:
        pytest.skip(kernels().reason)
    yield
    kernels.cache_clear()


def swept(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, logsumexp and the targets' logits."""
    probs = torch.full((len(features), len(weight)), 7.0)
    whole, right = OutputSoftmax(weight, bias, len(features))(features, targets, probs)
    return probs, whole, right


@pytest.mark.parametrize(("rows", "depth", "columns"), SIZES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_it_is_the_same(rows: int, depth: int, columns: int, with_bias: bool) -> None:
    features, weight = torch.randn(rows, depth), torch.randn(columns, depth)
    bias = torch.randn(columns) if with_bias else None
    targets = torch.randint(columns, (rows,))
    logits = features.double() @ weight.double().t() + (0 if bias is None else bias.double())
    probs, whole, right = swept(features, weight, bias, targets)
    torch.testing.assert_close(probs, logits.softmax(1).float(), atol=2e-6, rtol=2e-5)
    torch.testing.assert_close(whole, logits.logsumexp(1).float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(right, logits.gather(1, targets.unsqueeze(1)).squeeze(1).float(), atol=3e-5, rtol=0)


def test_logits_far_apart_keep_their_probabilities() -> None:
    """Tiles whose largest logits differ by more than a float's range are brought to one scale."""
    bias = torch.zeros(600)
    bias[[5, 300]] = torch.tensor([300.0, 301.0])
    probs, whole, right = swept(torch.zeros(1, 2), torch.zeros(600, 2), bias, torch.tensor([599]))
    torch.testing.assert_close(probs[0, [5, 300]], bias[[5, 300]].softmax(0))
    assert probs[0].sum().item() == pytest.approx(1.0)
    assert probs[0, 599].item() < 1e-30
    assert right.item() == 0.0
    assert whole.item() == pytest.approx(bias.logsumexp(0).item())


def test_what_is_not_a_number_stays_in_its_row() -> None:
    features, weight = torch.randn(3, 4), torch.randn(300, 4)
    features[1, 2] = torch.nan
    probs, whole, _ = swept(features, weight, None, torch.zeros(3, dtype=torch.long))
    assert probs.isnan().any(1).tolist() == whole.isnan().tolist() == [False, True, False]


def test_company_and_threads_change_nothing() -> None:
    features, weight, bias = torch.randn(67, 9), torch.randn(999, 9), torch.randn(999)
    targets, threads = torch.randint(999, (67,)), torch.get_num_threads()
    together = swept(features, weight, bias, targets)
    try:
        torch.set_num_threads(3)
        several = swept(features, weight, bias, targets)
    finally:
        torch.set_num_threads(threads)
    alone = swept(features[40:41], weight, bias, targets[40:41])
    for one, other, single in zip(together, several, alone, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one[40:41], single)
