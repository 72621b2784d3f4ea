"""Moves: the term, the compiled code, and that steps and the whole target agree."""

import math
from itertools import pairwise

import pytest
import torch
from mechanisms import BATCH, KEY, QUERY, SOURCE, TARGET
from torch import Tensor

from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.moves import Moves, classes_up_to
from regard.kernels.moves import moved_softmax, plain_softmax


def operands(dtype: torch.dtype = torch.float32, source: int = SOURCE, farthest: int = 3) -> tuple[Tensor, ...]:
    """Scores, wanted moves, weights before and a mask, and the classes."""
    torch.manual_seed(1)
    moves = 2 * len(classes_up_to(farthest)) - 1
    mask = torch.arange(source) < torch.tensor([[source], [source - 2], *[[0]] * (BATCH - 2)])
    before = torch.softmax(torch.randn(BATCH, source, dtype=dtype), -1) * mask
    return torch.randn(BATCH, TARGET, source, dtype=dtype), torch.randn(BATCH, TARGET, moves, dtype=dtype), before, mask


def moving(select: str = "softmax", window: str = "global", num_heads: int = 1) -> Attention:
    torch.manual_seed(2)
    return build_attention(QUERY, KEY, select=select, window=window, num_heads=num_heads, moves=8).double()


@pytest.mark.parametrize("farthest", [1, 3, 4, 16, 100])
def test_classes_tell_near_moves_apart_and_group_far_ones(farthest: int) -> None:
    classes = classes_up_to(farthest)
    assert classes[: min(farthest, 4) + 1] == tuple(range(min(farthest, 4) + 1))
    assert all(one < other for one, other in pairwise(classes))
    assert classes[-1] <= farthest
    steps = [after / before for before, after in pairwise(classes[5:])]
    assert all(abs(step - math.sqrt(2)) < 0.25 for step in steps)


def test_worked_example() -> None:
    """All weight was on the second position, and a move on is wanted with log 4: four times the weight of others."""
    scores, before = torch.zeros(1, 1, 4), torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    wanted = torch.tensor([[[0.0, 0.0, math.log(4.0)]]])
    weights = moved_softmax(scores, wanted, before, torch.ones(1, 4, dtype=torch.bool), (0, 1))
    assert torch.allclose(weights, torch.tensor([[[0.1, 0.1, 0.4, 0.4]]]))


@pytest.mark.parametrize("farthest", [1, 4, 16])
@pytest.mark.parametrize("source", [1, 2, SOURCE, 40])
def test_compiled_code_agrees_with_the_formula(farthest: int, source: int) -> None:
    """Weights and all gradients; a row without a visible position is all zeros."""
    classes = classes_up_to(farthest)
    *inputs, mask = operands(source=source, farthest=farthest)
    upstream = torch.randn(inputs[0].shape)
    found = []
    for function, dtype in ((moved_softmax, torch.float32), (plain_softmax, torch.float64)):
        given = [each.to(dtype).requires_grad_() for each in inputs]
        weights = function(*given, mask, classes)
        found.append((weights, *torch.autograd.grad((weights * upstream.to(dtype)).sum(), given)))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one.double(), other, atol=2e-6 * max(1.0, float(other.detach().abs().max())))
    assert not found[0][0][2:].any()


def test_padding_changes_nothing() -> None:
    """Bit for bit, whatever stands in the scores of padding."""
    classes = classes_up_to(3)
    scores, wanted, before, mask = operands()
    wider = torch.cat([scores, torch.full((BATCH, TARGET, 3), torch.nan)], -1)
    padded = [torch.cat([each, each.new_zeros(BATCH, 3)], -1) for each in (before, mask)]
    weights = moved_softmax(wider, wanted, padded[0], padded[1], classes)
    assert torch.equal(weights[..., :-3], moved_softmax(scores, wanted, before, mask, classes))
    assert not weights[..., -3:].any()


def test_gradcheck_and_second_derivatives() -> None:
    *inputs, mask = operands(torch.float64, source=5)
    given = [each[:2, :3].requires_grad_() if each.dim() == 3 else each[:2].requires_grad_() for each in inputs]
    assert torch.autograd.gradcheck(lambda *each: moved_softmax(*each, mask[:2], classes_up_to(3)), given)
    single = [each.detach().float().requires_grad_() for each in given]
    twice = []
    for function, these in ((moved_softmax, single), (plain_softmax, given)):
        (first,) = torch.autograd.grad(
            function(*these, mask[:2], classes_up_to(3)).square().sum(), these[:1], create_graph=True
        )
        twice.append(torch.autograd.grad(first.square().sum(), these)[1])
    assert torch.allclose(twice[0].double(), twice[1], atol=1e-4)


@pytest.mark.parametrize(
    ("select", "window", "num_heads"),
    [("softmax", "global", 1), ("softmax", "global", 2), ("sparsemax", "global", 1), ("softmax", "local_p", 1)],
)
def test_steps_agree_with_the_whole_target(select: str, window: str, num_heads: int) -> None:
    attention = build_attention(8, 8, select=select, window=window, num_heads=num_heads, moves=8).double().eval()
    keys, query = torch.randn(2, SOURCE, 8).double(), torch.randn(2, TARGET, 8).double()
    source = attention.prepare(keys, keys, torch.arange(SOURCE) < torch.tensor([[SOURCE], [SOURCE - 2]]))
    whole = attention(query, source, attention.begin(source))
    history, steps = attention.begin(source), []
    for step in range(TARGET):
        looked = attention(query[:, step : step + 1], source, history)
        history = looked.history
        steps.append(looked.weights)
    assert torch.allclose(torch.cat(steps, 1), whole.weights, atol=1e-12)
    assert torch.allclose(history.previous, whole.history.previous)
    assert torch.allclose(history.total, whole.history.total)


def test_the_first_step_has_no_term_and_later_ones_have() -> None:
    attention = moving()
    keys, query = torch.randn(2, SOURCE, KEY).double(), torch.randn(2, 2, QUERY).double()
    source = attention.prepare(keys, keys, torch.ones(2, SOURCE, dtype=torch.bool))
    plain = build_attention(QUERY, KEY).double()
    plain.score.load_state_dict(attention.score.state_dict())
    first, second = attention(query, source, attention.begin(source)).weights.unbind(1)
    alone = plain(query, source, plain.begin(source)).weights
    assert torch.allclose(first, alone[:, 0])
    term = attention.moves.term(query[:, 1], first)
    assert torch.allclose(second, torch.softmax(alone[:, 1].log() + term, -1))


def test_wrong_sizes_are_refused() -> None:
    scores, wanted, before, mask = operands()
    with pytest.raises(ValueError, match=r"moved_softmax: scores .*; expected \(batch, target, source\)"):
        moved_softmax(scores, wanted[..., 1:], before, mask, classes_up_to(3))
    with pytest.raises(ValueError, match="Moves: farthest is 0; expected 1 or more"):
        Moves(QUERY, 0)
