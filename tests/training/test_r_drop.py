"""R-Drop: what two passes cost, that they are two, and what a recipe says of it."""

from dataclasses import replace
from typing import Any

import models
import pytest
import torch
from small_run import make_batch, make_model

from regard.config import parse
from regard.data.batch import Batch
from regard.errors import UsageError
from regard.kernels.agreement import agree, disagreement
from regard.run.training_parts import build_objective
from regard.training.coverage import WithCoverage
from regard.training.objective import CrossEntropy
from regard.training.r_drop import TwoPasses, twice


def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.kl_div(q.log(), p, reduction="none").sum(1)


def test_the_disagreement_is_the_mean_of_both_divergences() -> None:
    p, q = torch.rand(2, 5, 7, dtype=torch.double).softmax(-1)
    expected = (divergence(p, q) + divergence(q, p)) / 2
    torch.testing.assert_close(disagreement(p.log(), q.log()), expected)
    torch.testing.assert_close(agree(p.clone(), q.clone(), 1.0), expected)


def test_what_no_pass_can_write_costs_nothing() -> None:
    one, other = (torch.tensor([[0.0, value, -torch.inf]]).log_softmax(1).requires_grad_() for value in (1.0, 2.0))
    found = disagreement(one, other)
    found.sum().backward()
    assert found.isfinite().all()
    assert one.grad.isfinite().all()
    assert disagreement(one, one).tolist() == [0.0]


def test_without_dropout_two_passes_cost_what_one_does() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    one, two = CrossEntropy(0.1)(model, batch), TwoPasses(CrossEntropy(0.1, 3.0))(model, batch)
    torch.testing.assert_close(two.total, one.total)
    torch.testing.assert_close(two.nll, one.nll)
    assert two.tokens == one.tokens


def test_with_dropout_they_differ_and_disagreement_counts() -> None:
    """By the same draw, the total without agreement and that with it differ by half of α D of each token."""
    model, batch = make_model(dropout=0.5).train(), make_batch([(3, 5), (5, 5)], seed=1)
    totals = []
    for weight in (0.0, 2.0):
        torch.manual_seed(3)
        totals.append(TwoPasses(CrossEntropy(0.1, weight))(model, batch).total.item())
    torch.manual_seed(3)
    both = twice(batch)
    logits = model.tokens.output.logits(model(both))[both.target_mask]
    apart = disagreement(*logits.log_softmax(1).chunk(2)).sum()
    assert apart > 0.01
    assert totals[1] - totals[0] == pytest.approx(apart.item() * 2.0 / 2, rel=1e-4)


@pytest.mark.parametrize("name", models.DECODERS)
def test_every_decoder_and_output_can_be_read_twice(name: str) -> None:
    """The loss of two passes, without dropout, is that of one; every parameter that learns by one learns by two."""
    config = models.recipe(models.DECODERS[name])
    model = models.small_model(config).eval()
    batch = models.batch_of([(5, 3), (7, 2)])
    learned = []
    for objective in (CrossEntropy(0.1), TwoPasses(CrossEntropy(0.1, 1.0))):
        model.zero_grad()
        loss = objective(model, batch)
        loss.total.backward()
        learned.append([each.grad.clone() for each in model.parameters() if each.grad is not None])
    assert len(learned[0]) == len(learned[1])
    for one, two in zip(*learned, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-5)


def test_a_term_that_begins_later_still_does() -> None:
    objective = TwoPasses(WithCoverage(CrossEntropy(), 1.0, from_step=3))
    assert isinstance(objective.at(2), TwoPasses)
    assert isinstance(objective.at(2).objective, CrossEntropy)
    assert isinstance(objective.at(3).objective, WithCoverage)
    plain = TwoPasses(CrossEntropy())
    assert plain.at(1) is plain


def test_every_row_is_there_twice() -> None:
    batch = make_batch([(3, 5), (5, 2)], seed=1)
    both = twice(batch)
    first, second = (
        Batch(**{key: value[half] for key, value in vars(both).items()}) for half in (slice(2), slice(2, 4))
    )
    for half in (first, second):
        assert all(torch.equal(getattr(half, key), getattr(batch, key)) for key in vars(replace(batch)))


def test_a_recipe_names_it() -> None:
    dropout: Any = {"model": {"dropout": {"output": 0.3}}}
    config = parse({"training": {"r_drop": 2, "label_smoothing": 0.1}, **dropout}, "test")
    model: Any = make_model()
    objective = build_objective(config.training, model)
    assert isinstance(objective, TwoPasses)
    assert (objective.objective.agreement, objective.objective.smoothing) == (2.0, 0.1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, r"training\.r_drop is 2\.0; expected model\.dropout above 0, by which two passes differ"),
        (
            {"dropout": {"output": 0.3}, "attention": {"select": "hard"}},
            r"training\.r_drop is 2\.0; expected another model\.attention\.select than hard",
        ),
    ],
)
def test_where_it_makes_no_sense(model: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse({"training": {"r_drop": 2}, "model": model}, "test")
