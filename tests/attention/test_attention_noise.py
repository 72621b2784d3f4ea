"""Noise that is a function of where it is used, and the selections that use it."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from mechanisms import BATCH, SOURCE, TARGET
from torch import Tensor

from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.hard import GumbelSoftmax, Hard, HardArgmax
from regard.attention.history import History
from regard.attention.noise import gumbel, normal, uniform

EULER = 0.5772156649015329


def start(seeds: Tensor) -> History:
    return History.start(torch.zeros(len(seeds), 0), seeds)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [(uniform, 1 / 2, 1 / 12), (gumbel, EULER, math.pi**2 / 6), (normal, 0.0, 1.0)],
)
def test_noise_has_the_moments_of_its_distribution(draw, mean: float, variance: float) -> None:
    noise = draw(torch.arange(101), torch.arange(103).expand(101, 103), 107).double()
    count = noise.numel()
    assert abs(noise.mean() - mean) < 4 * math.sqrt(variance / count)
    assert abs(noise.var() / variance - 1) < 0.01


def test_noise_is_uniform_and_neighbours_know_nothing_of_each_other() -> None:
    noise = uniform(torch.arange(101), torch.arange(103).expand(101, 103), 107)
    assert noise.min() > 0
    assert noise.max() < 1
    buckets = torch.histc(noise, 64, 0, 1)
    expected = noise.numel() / 64
    assert ((buckets - expected).square() / expected).sum() < 64 + 4 * math.sqrt(2 * 64)
    for axis in range(3):
        first, second = noise.narrow(axis, 0, 100) - 0.5, noise.narrow(axis, 1, 100) - 0.5
        assert abs((first * second).mean() * 12) < 4 / math.sqrt(first.numel())


def test_noise_depends_on_seed_step_and_position_only() -> None:
    whole = uniform(torch.tensor([3, 5]), torch.arange(7).expand(2, 7), 11)
    part = uniform(torch.tensor([5]), torch.tensor([[4]]), 2)
    assert torch.equal(part, whole[1:, 4:5, :2])


@pytest.mark.parametrize("select", ["hard", "gumbel_softmax", "monotonic"])
def test_begin_draws_one_seed_per_row_from_the_generator_that_is_given(select: str) -> None:
    attention = build_attention(3, 3, select=select)
    source = attention.prepare(torch.zeros(5, 2, 3), torch.zeros(5, 2, 3), torch.ones(5, 2, dtype=torch.bool))
    seeds = [attention.begin(source, torch.Generator().manual_seed(each)).seed for each in (1, 1, 2)]
    assert torch.equal(seeds[0], seeds[1])
    assert not torch.equal(seeds[0], seeds[2])
    assert seeds[0].unique().numel() == 5
    plain = build_attention(3, 3)
    before = torch.random.get_rng_state()
    assert not attention.eval().begin(source).seed.any()
    assert not plain.begin(source).seed.any()
    assert torch.equal(before, torch.random.get_rng_state())


SCORES = torch.tensor([0.3, -1.0, 1.2, 0.0, 0.5], dtype=torch.double)
VISIBLE = torch.tensor([True, True, True, False, True])


@pytest.mark.parametrize(
    "select", [Hard(expectation=0.0), GumbelSoftmax(straight_through=True)], ids=["hard", "gumbel_softmax"]
)
def test_choices_come_as_often_as_softmax_says(select) -> None:
    rows = 4001
    selected = select(SCORES.expand(rows, 1, -1), VISIBLE.expand(rows, 1, -1), start(torch.arange(rows)))
    probs = torch.softmax(SCORES.masked_fill(~VISIBLE, -math.inf), -1)
    often = selected.weights.sum(0).squeeze(0)
    assert (often.sum(), often[3]) == (rows, 0)
    chi_square = ((often - rows * probs).square()[VISIBLE] / (rows * probs[VISIBLE])).sum()
    assert chi_square < 16.3  # 3 degrees of freedom, one in a thousand


def test_log_prob_and_entropy_are_those_of_softmax() -> None:
    selected = Hard(expectation=0.0)(SCORES.expand(97, 1, -1), VISIBLE.expand(97, 1, -1), start(torch.arange(97)))
    softmax = torch.distributions.Categorical(logits=SCORES.masked_fill(~VISIBLE, -math.inf))
    choice = selected.weights.argmax(-1)
    torch.testing.assert_close(selected.log_prob, softmax.log_prob(choice))
    probs = softmax.probs[VISIBLE]
    torch.testing.assert_close(selected.entropy, -(probs * probs.log()).sum().expand(97, 1))


def sampled_path(
    attention: Attention, query: Tensor, keys: Tensor, seed: int
) -> tuple[tuple[int, ...], Tensor, Tensor]:
    """The positions chosen, the context and the log-probability of the whole path."""
    source = attention.prepare(keys, keys, torch.ones(keys.shape[:2], dtype=torch.bool))
    attended = attention(query, source, replace(attention.begin(source), seed=torch.tensor([seed])))
    return tuple(attended.weights[0].argmax(-1).tolist()), attended.context, attended.log_prob.sum()


def test_score_function_gradient_is_unbiased() -> None:
    """All paths of two steps over three positions, where the second step depends on the choice of the first.

    The expectation over paths of reward · ∇ log p + ∇ reward is the gradient of the expected reward.
    """
    torch.manual_seed(3)
    options = {"hard": {"expectation": 0.0}}
    attention = build_attention(2, 2, score="coverage", select="hard", options=options).double()
    query, keys = torch.randn(1, 2, 2).double(), torch.randn(1, 3, 2).double().requires_grad_()
    wanted = [keys, attention.score.project_coverage.weight, attention.score.project_key.weight]
    paths: dict[tuple[int, ...], int] = {}
    seeds = iter(range(1000))
    while len(paths) < 9:
        seed = next(seeds)
        paths.setdefault(sampled_path(attention, query, keys, seed)[0], seed)
    assert set(paths) == set(product(range(3), repeat=2))
    expected = torch.zeros((), dtype=torch.double)
    estimate = [torch.zeros_like(each) for each in wanted]
    for seed in paths.values():
        _, context, log_prob = sampled_path(attention, query, keys, seed)
        reward = context.square().sum() + context.prod(1).sum()
        expected = expected + log_prob.exp() * reward
        surrogate = log_prob.exp().detach() * (reward.detach() * log_prob + reward)
        found = torch.autograd.grad(surrogate, wanted, retain_graph=True, allow_unused=True)
        estimate = [total + (0 if each is None else each) for total, each in zip(estimate, found, strict=True)]
    total = sum(sampled_path(attention, query, keys, seed)[2].exp() for seed in paths.values())
    torch.testing.assert_close(total, torch.ones_like(total))
    for exact, each in zip(torch.autograd.grad(expected, wanted), estimate, strict=True):
        torch.testing.assert_close(each, exact)


@pytest.mark.parametrize("select", [HardArgmax(), GumbelSoftmax(straight_through=True)], ids=["argmax", "gumbel"])
def test_straight_through_is_hard_forward_and_soft_backward(select) -> None:
    scores = torch.randn(BATCH, TARGET, SOURCE, dtype=torch.double, requires_grad=True)
    visible = VISIBLE.expand(BATCH, 1, -1)
    history = start(torch.arange(BATCH))
    weights = select(scores, visible, history).weights
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    if isinstance(select, GumbelSoftmax):
        soft = GumbelSoftmax()(scores, visible, history).weights
    else:
        soft = torch.softmax(scores.masked_fill(~visible, -math.inf), -1)
    assert torch.equal(weights.argmax(-1), soft.argmax(-1))
    toward = torch.randn(BATCH, TARGET, SOURCE).double()
    hard_gradient, soft_gradient = (torch.autograd.grad((each * toward).sum(), scores)[0] for each in (weights, soft))
    torch.testing.assert_close(hard_gradient, soft_gradient)


def test_gumbel_softmax_becomes_a_sample_as_it_cools_and_uniform_as_it_heats() -> None:
    attention = build_attention(3, 3, select="gumbel_softmax", options={"gumbel_softmax": {"temperature": 2.0}})
    keys, query = torch.randn(BATCH, SOURCE, 3), torch.randn(BATCH, TARGET, 3)
    source = attention.prepare(keys, keys, torch.ones(BATCH, SOURCE, dtype=torch.bool))

    def at(temperature: float) -> Tensor:
        history = attention.begin(source, torch.Generator().manual_seed(1), temperature)
        return attention(query, source, history).weights

    torch.testing.assert_close(at(1e6), torch.full((BATCH, TARGET, SOURCE), 1 / SOURCE))
    torch.testing.assert_close(at(1e-6).amax(-1), torch.ones(BATCH, TARGET))
    assert torch.equal(at(1e-6).argmax(-1), at(1.0).argmax(-1))


@pytest.mark.parametrize("kind", [Hard, GumbelSoftmax])
def test_what_samples_can_infer_the_best_position_or_the_expectation(kind) -> None:
    scores, visible = SCORES.expand(1, 1, -1), VISIBLE.expand(1, 1, -1)
    history = start(torch.tensor([1]))
    soft = torch.softmax(SCORES.masked_fill(~VISIBLE, -math.inf), -1)
    torch.testing.assert_close(kind(inference="expectation").eval()(scores, visible, history).weights[0, 0], soft)
    assert kind(inference="argmax").eval()(scores, visible, history).weights[0, 0].tolist() == [0, 0, 1, 0, 0]
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: inference is 'mean'; expected one of argmax, exp"):
        kind(inference="mean")


def test_temperature_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"^GumbelSoftmax: temperature is 0.0; expected more than 0\. "):
        GumbelSoftmax(temperature=0.0)


def test_some_rows_expect_instead_of_sampling() -> None:
    """A row does so in all its steps or in none, as often as is asked for, and then chooses nothing."""
    rows = 1009
    select, plain = Hard(expectation=0.25), Hard(expectation=0.0)
    shape = (rows, 3, 5)
    selected, sampled = (
        each(SCORES.expand(shape), VISIBLE.expand(shape), start(torch.arange(rows))) for each in (select, plain)
    )
    soft = (selected.weights < 1).all(-1)
    assert (soft == soft[:, :1]).all()
    assert abs(int(soft[:, 0].sum()) - rows / 4) < 4 * (rows * 3 / 16) ** 0.5
    expected = torch.softmax(SCORES.masked_fill(~VISIBLE, -math.inf), -1)
    torch.testing.assert_close(selected.weights[soft], expected.expand(int(soft.sum()), -1))
    assert not selected.log_prob[soft].any()
    assert torch.equal(selected.weights[~soft], sampled.weights[~soft])
    assert torch.equal(selected.log_prob[~soft], sampled.log_prob[~soft])
    assert torch.equal(selected.entropy, sampled.entropy)


def test_a_share_of_all_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Hard: expectation is 1.0; expected 0 ≤ expectation < 1. Try 0.5"):
        Hard(expectation=1.0)
