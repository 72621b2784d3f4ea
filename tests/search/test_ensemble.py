"""An ensemble of step functions is a step function."""

from typing import Any

import pytest
import torch
from toy_table import ToyTable, at_most

from regard.search.beam import beam
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.hypothesis import Hypothesis
from regard.search.step_function import StepFunction

LENGTHS = [3, 1, 5, 2]


def search(step: StepFunction, state: Any) -> list[Hypothesis]:
    groups = beam(step, state, torch.tensor(LENGTHS), size=3, nbest=3, limit=at_most(7))
    return [hypothesis for group in groups for hypothesis in group]


def test_an_ensemble_of_one_is_its_member() -> None:
    table = ToyTable(LENGTHS, vocab=7)
    alone = search(table.step, table.begin())
    together = search(Ensemble([table.step]), EnsembleState((table.begin(),)))
    for expected, found in zip(alone, together, strict=True):
        assert found.tokens == expected.tokens
        assert found.log_prob == pytest.approx(expected.log_prob, abs=1e-5)
        assert abs(found.weights - expected.weights).max() < 1e-6


def test_an_ensemble_of_two_is_the_mean_of_their_tables() -> None:
    one, other, mean = (ToyTable(LENGTHS, vocab=7, seed=seed) for seed in (1, 2, 3))
    mean.logits = ((one.logits.softmax(-1) + other.logits.softmax(-1)) / 2).log()
    mean.weights = (one.weights + other.weights) / 2
    expected = search(mean.step, mean.begin())
    found = search(Ensemble([one.step, other.step]), EnsembleState((one.begin(), other.begin())))
    for left, right in zip(expected, found, strict=True):
        assert right.tokens == left.tokens
        assert right.log_prob == pytest.approx(left.log_prob, abs=1e-5)
        assert abs(right.weights - left.weights).max() < 1e-6


@pytest.mark.parametrize(
    ("lengths", "vocab", "name"), [(LENGTHS, 11, "logits"), ([length + 2 for length in LENGTHS], 7, "weights")]
)
def test_members_must_fit_together(lengths: list[int], vocab: int, name: str) -> None:
    one, other = ToyTable(LENGTHS, vocab=7), ToyTable(lengths, vocab=vocab)
    with pytest.raises(ValueError, match=f"{name} of the members have widths .* share their tokenisers"):
        search(Ensemble([one.step, other.step]), EnsembleState((one.begin(), other.begin())))


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="steps is empty"):
        Ensemble([])
