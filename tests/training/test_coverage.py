"""The coverage loss: its formula, its gradient, what adds nothing to it, and when it begins."""

from typing import Any

import pytest
import torch
from small_run import make_batch, make_learner, make_model
from torch import Tensor

from regard.config import parse
from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.errors import UsageError
from regard.run.training_parts import build_objective
from regard.training.coverage import WithCoverage, repeated_looks
from regard.training.ctc import WithCtc
from regard.training.loop import update
from regard.training.objective import CrossEntropy
from regard.training.progress import Progress


def looked(weights: Tensor, target_mask: Tensor | None = None) -> tuple[Unrolled, Batch]:
    """A batch of which nothing but the looks is known."""
    rows, steps, positions = weights.shape
    nothing = torch.zeros(rows, steps, dtype=weights.dtype)
    tokens = torch.zeros(rows, steps, dtype=torch.long)
    real = torch.ones(rows, steps, dtype=torch.bool) if target_mask is None else target_mask
    source = torch.ones(rows, positions, dtype=torch.bool)
    batch = Batch(source.long(), source, tokens, tokens, real, torch.arange(rows))
    return Unrolled(nothing.unsqueeze(-1), weights, nothing, nothing), batch


def test_a_worked_example() -> None:
    """min(½, ¾) + min(½, ¼), then min(1, 5/4)."""
    weights = torch.tensor([[[0.75, 0.25], [0.5, 0.5], [1.0, 0.0]]])
    assert repeated_looks(*looked(weights)).tolist() == [0.5 + 0.25 + 1.0]


def test_it_is_zero_where_nothing_is_looked_at_twice() -> None:
    assert repeated_looks(*looked(torch.eye(4)[[2, 0, 3, 1]].unsqueeze(0))).tolist() == [0]


def test_padding_adds_nothing_and_has_no_gradient() -> None:
    torch.manual_seed(0)
    weights = torch.rand(2, 5, 7, dtype=torch.double).requires_grad_()
    steps = torch.ones(2, 5, dtype=torch.bool)
    steps[1, 3:] = False
    found = repeated_looks(*looked(weights, steps))
    torch.testing.assert_close(found[1:], repeated_looks(*looked(weights[1:, :3])))
    found.sum().backward()
    assert (weights.grad[1, 3:] == 0).all()
    assert torch.autograd.gradcheck(lambda weights: repeated_looks(*looked(weights, steps)), weights)


def test_it_stands_beside_the_objective_by_its_weight() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    plain, both = CrossEntropy()(model, batch), WithCoverage(CrossEntropy(), 0.5)(model, batch)
    torch.testing.assert_close(both.total - plain.total, 0.5 * repeated_looks(model(batch), batch).sum())
    assert (both.nll, both.tokens) == (plain.nll, plain.tokens)
    with pytest.raises(ValueError, match=r"WithCoverage: weight is -1\.0; expected 0 or more"):
        WithCoverage(CrossEntropy(), -1.0)


def test_updates_before_its_first_are_those_without_it() -> None:
    batch = make_batch([(3, 5), (5, 2)], seed=1)
    plain = make_learner(objective=CrossEntropy())
    later = make_learner(objective=WithCoverage(CrossEntropy(), 3.0, from_step=3))
    later.model.load_state_dict(plain.model.state_dict())
    for step in range(4):
        for learner in (plain, later):
            torch.manual_seed(step)
            update(learner, [batch], Progress(step=step))
        same = all(map(torch.equal, plain.model.parameters(), later.model.parameters()))
        assert same == (step + 1 < 3)


def test_a_recipe_names_it() -> None:
    options = parse({"training": {"coverage": {"weight": 0.7, "from_step": 9}}}, "test").training
    model: Any = make_model()
    objective = build_objective(options, model)
    assert isinstance(objective, WithCoverage)
    assert (objective.weight, objective.from_step) == (0.7, 9)
    assert objective.at(8) is objective.objective
    assert objective.at(9) is objective
    both = build_objective(options.model_copy(update={"ctc": 0.3}), model)
    assert isinstance(both.objective, WithCtc)
    with pytest.raises(UsageError, match=r"training\.coverage\.weight is 1\.0; expected 0 for the fixed decoder"):
        parse({"training": {"coverage": {"weight": 1}}, "model": {"decoder": {"kind": "fixed"}}}, "test")
