"""The term of doubly stochastic attention: its formula, its gradient, and what adds nothing to it."""

from typing import Any

import pytest
import torch
from small_run import make_batch, make_model
from torch import Tensor

from regard.compiled.training import accelerated
from regard.config import parse
from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.encoders.memory import Memory
from regard.errors import UsageError
from regard.run.training_parts import build_objective
from regard.training.ctc import WithCtc
from regard.training.doubly_stochastic import WithDoublyStochastic, unevenness
from regard.training.objective import CrossEntropy


def looked(weights: Tensor, target_mask: Tensor, source_mask: Tensor) -> tuple[Unrolled, Batch]:
    """A batch of which nothing but the looks is known."""
    rows, steps, positions = weights.shape
    nothing = torch.zeros(rows, steps, dtype=weights.dtype)
    values = torch.zeros(rows, positions, 1)
    spans = torch.zeros(rows, positions, 2, dtype=torch.long)
    memory = Memory(values, values, source_mask, values[:, 0], spans)
    tokens = torch.zeros(rows, steps, dtype=torch.long)
    batch = Batch(tokens, source_mask, tokens, tokens, target_mask, torch.arange(rows))
    return Unrolled(nothing.unsqueeze(-1), weights, nothing, nothing, memory=memory), batch


def masks(rows: int, steps: int, positions: int) -> tuple[Tensor, Tensor]:
    return torch.ones(rows, steps, dtype=torch.bool), torch.ones(rows, positions, dtype=torch.bool)


def test_a_worked_example() -> None:
    """Two steps, three positions: (1 - 1.5)² + (1 - 0.5)² + (1 - 0)²."""
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]])
    assert unevenness(*looked(weights, *masks(1, 2, 3))).tolist() == [1.5]


def test_it_is_zero_where_every_position_has_one_look() -> None:
    turned = torch.eye(4)[[2, 0, 3, 1]].unsqueeze(0)
    spread = torch.full((1, 4, 4), 0.25)
    assert unevenness(*looked(torch.cat([turned, spread]), *masks(2, 4, 4))).tolist() == [0, 0]


def test_padding_adds_nothing_and_has_no_gradient() -> None:
    torch.manual_seed(0)
    weights = torch.rand(2, 5, 7, dtype=torch.double).requires_grad_()
    steps, cells = masks(2, 5, 7)
    steps[1, 3:], cells[1, 4:] = False, False
    found = unevenness(*looked(weights, steps, cells))
    alone = unevenness(*looked(weights[1:, :3, :4], *masks(1, 3, 4)))
    torch.testing.assert_close(found[1:], alone)
    found.sum().backward()
    assert (weights.grad[1, 3:] == 0).all()
    assert (weights.grad[1, :, 4:] == 0).all()
    assert (weights.grad[0] != 0).all()


def test_gradcheck() -> None:
    torch.manual_seed(0)
    steps, cells = masks(2, 3, 4)
    steps[1, 2:], cells[0, 3:] = False, False
    weights = torch.rand(2, 3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda weights: unevenness(*looked(weights, steps, cells)), weights)


def test_it_stands_beside_the_objective_by_its_weight() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    plain, both = CrossEntropy()(model, batch), WithDoublyStochastic(CrossEntropy(), 0.5)(model, batch)
    torch.testing.assert_close(both.total - plain.total, 0.5 * unevenness(model(batch), batch).sum())
    assert (both.nll, both.tokens) == (plain.nll, plain.tokens)
    assert WithDoublyStochastic(CrossEntropy(), 0.0)(model, batch).total == plain.total
    with pytest.raises(ValueError, match=r"WithDoublyStochastic: weight is -1\.0; expected 0 or more"):
        WithDoublyStochastic(CrossEntropy(), -1.0)


def test_what_is_made_fast_has_the_same_gradient() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    gradients = []
    for form in (model, accelerated(model)):
        model.zero_grad()
        WithDoublyStochastic(CrossEntropy(), 3.0)(form, batch).total.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    largest = max(float(each.abs().max()) for each in gradients[0])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5 * largest, rtol=0)


def test_a_recipe_names_it() -> None:
    options = parse({"training": {"doubly_stochastic": 0.7}}, "test").training
    model: Any = make_model()
    objective = build_objective(options, model)
    assert isinstance(objective, WithDoublyStochastic)
    assert objective.weight == 0.7
    both = build_objective(options.model_copy(update={"ctc": 0.3}), model)
    assert isinstance(both, WithCtc)
    assert isinstance(both.objective, WithDoublyStochastic)
    assert isinstance(build_objective(parse({}, "test").training, model), CrossEntropy)
    with pytest.raises(UsageError, match=r"doubly_stochastic is 1\.0; expected 0 for the fixed decoder"):
        parse({"training": {"doubly_stochastic": 1}, "model": {"decoder": {"kind": "fixed"}}}, "test")
