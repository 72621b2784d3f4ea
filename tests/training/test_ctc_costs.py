"""The CTC cost and head against all labellings, one by one."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from regard.encoders.blstmp import BlstmpEncoder
from regard.encoders.ctc import CtcHead
from regard.marks import BLANK, END, PAD
from regard.training.ctc import alignable, ctc_costs

SYMBOLS, POSITIONS = 3, 4
TARGETS = [(), (3,), (3, 3), (3, 4), (5, 4, 5), (3, 3, 4), (3, 3, 3), (3, 4, 5, 3), (3, 3, 4, 4)]


def padded(targets: list[tuple[int, ...]]) -> Tensor:
    """With end marks, as the decoder answers them."""
    rows = torch.full((len(targets), 6), PAD)
    for row, target in enumerate(targets):
        rows[row, : len(target) + 1] = torch.tensor([*target, END])
    return rows


def logits() -> Tensor:
    return torch.randn(len(TARGETS), POSITIONS, SYMBOLS + 1, generator=torch.Generator().manual_seed(0)).double()


def probability(log_probs: Tensor, length: int, target: tuple[int, ...]) -> float:
    total = 0.0
    for labelling in itertools.product(range(SYMBOLS + 1), repeat=length):
        if tuple(label + END for label, _ in itertools.groupby(labelling) if label != BLANK) == target:
            total += math.exp(sum(float(log_probs[t, label]) for t, label in enumerate(labelling)))
    return total


@pytest.mark.parametrize("length", range(POSITIONS + 1))
def test_a_cost_is_the_sum_over_all_labellings(length: int) -> None:
    """And what has none is known beforehand, and costs nothing."""
    log_probs, lengths = logits().log_softmax(-1), torch.full((len(TARGETS),), length)
    costs, possible = ctc_costs(log_probs, lengths, padded(TARGETS)), alignable(lengths, padded(TARGETS))
    for row, target in enumerate(TARGETS):
        expected = probability(log_probs[row], length, target)
        assert bool(possible[row]) == (expected > 0)
        assert float(costs[row]) == pytest.approx(-math.log(expected) if expected else 0.0)


def test_the_gradient_of_what_counts_and_of_what_does_not() -> None:
    scores, lengths = logits().requires_grad_(), torch.tensor([4, 3, 2, 4, 3, 4, 4, 4, 1])

    def costs(scores: Tensor) -> Tensor:
        return ctc_costs(scores.log_softmax(-1), lengths, padded(TARGETS))

    assert torch.autograd.gradcheck(costs, scores)
    costs(scores).sum().backward()
    assert scores.grad.isfinite().all()
    padding = torch.arange(POSITIONS) >= lengths.unsqueeze(1)
    assert (scores.grad[padding] == 0).all()
    possible = alignable(lengths, padded(TARGETS))
    assert possible.tolist() == [True, True, False, True, True, True, False, True, False]
    assert (scores.grad[~possible] == 0).all()
    assert (scores.grad[possible] != 0).flatten(1).any(1).all()


def test_the_head_labels_every_position_of_a_memory() -> None:
    """Its lengths are those of the memory: a recording costs the same alone and beside a longer one."""
    torch.manual_seed(0)
    encoder, head = BlstmpEncoder(4, 5, 7, strides=(2,)), CtcHead(7, END + 1 + SYMBOLS)
    source, mask = torch.randn(2, 9, 4), torch.arange(9) < torch.tensor([[9], [6]])
    targets = padded([(3, 4), (5, 5)])
    memory = encoder(source, mask)
    log_probs = head(memory)
    assert log_probs.shape == (2, 5, SYMBOLS + 1)
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(2, 5))
    costs = ctc_costs(log_probs, memory.mask.sum(1), targets)
    alone = encoder(source[1:, :6], mask[1:, :6])
    torch.testing.assert_close(ctc_costs(head(alone), alone.mask.sum(1), targets[1:]), costs[1:])


def test_a_head_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="CtcHead: vocab_size - 2 is 0; expected 1 or more"):
        CtcHead(7, END)
