from typing import Literal

import pytest
import torch
from torch import nn

from regard.training.averaging import MovingAverage, chosen, mean
from regard.training.progress import Validation


def test_moving_average_is_the_formula() -> None:
    model = nn.Linear(3, 2)
    average = MovingAverage(model, decay=0.4)
    expected = model.weight.detach().clone()
    for step in range(1, 8):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3))
        average.update(model, step)
        decay = min(0.4, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
        torch.testing.assert_close(average.tensors["weight"], expected)


def test_moving_average_is_applied_and_taken_back() -> None:
    model = nn.Linear(3, 2)
    average = MovingAverage(model, decay=0.4)
    averaged = average.tensors["weight"].clone()
    with torch.no_grad():
        model.weight.add_(1.0)
    own = model.weight.detach().clone()
    with average.applied(model):
        assert torch.equal(model.weight, averaged)
    assert torch.equal(model.weight, own)
    assert torch.equal(average.tensors["weight"], averaged)


def test_counters_are_copied_not_averaged() -> None:
    model = nn.BatchNorm1d(3)
    average = MovingAverage(model, decay=0.4)
    model(torch.randn(5, 3))
    average.update(model, 1)
    assert average.tensors["num_batches_tracked"] == 1


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=f"decay is {decay}; expected 0 < decay < 1"):
        MovingAverage(nn.Linear(3, 2), decay)


@pytest.mark.parametrize(
    ("of", "count", "steps"),
    [("last", 2, [30, 40]), ("best", 2, [10, 20]), ("last", 7, [10, 20, 30, 40]), ("best", 3, [10, 20, 40])],
)
def test_chosen_states(of: Literal["last", "best"], count: int, steps: list[int]) -> None:
    validations = [Validation(10, 3.0), Validation(20, 5.0), Validation(30, 1.0), Validation(40, 3.0)]
    assert chosen(validations, count, of) == steps


def test_mean_of_states() -> None:
    states = [{"w": torch.randn(3, 2), "n": torch.tensor(count)} for count in range(5)]
    averaged = mean(iter(states))
    torch.testing.assert_close(averaged["w"], torch.stack([state["w"] for state in states]).mean(0))
    assert averaged["w"].dtype == torch.float32
    assert averaged["n"] == 4
