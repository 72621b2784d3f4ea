"""Beam search against greedy search, against brute force, and against itself in other company."""

import math

import pytest
import torch
from toy_table import ToyTable, at_most

from regard.data.batch import BEGIN, END, PAD
from regard.errors import RegardError
from regard.search.beam import beam
from regard.search.forced import force
from regard.search.greedy import greedy

RANKINGS = [(0.0, 0.0), (0.7, 0.0), (0.0, 0.3), (1.3, 0.2)]


def score(table: ToyTable, source: int, tokens: tuple[int, ...], alpha: float, beta: float) -> float:
    """Wu et al. 2016, equation 14, written out."""
    log_prob, weights = table.follow(source, tokens)
    coverage = sum(math.log(min(float(total), 1.0)) for total in weights.sum(0))
    return log_prob / ((5 + len(tokens)) ** alpha / 6**alpha) + beta * coverage


@pytest.mark.parametrize(("alpha", "beta"), RANKINGS)
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_of_one_is_greedy_search(seed: int, alpha: float, beta: float) -> None:
    table = ToyTable([3, 1, 5, 2, 7, 4, 6], vocab=11, seed=seed)
    expected = greedy(table.step, table.begin(), table.source_lengths, limit=at_most(13))
    found = beam(
        table.step,
        table.begin(),
        table.source_lengths,
        size=1,
        length_normalization=alpha,
        coverage_penalty=beta,
        limit=at_most(13),
    )
    for hypothesis, (one,) in zip(expected, found, strict=True):
        assert one.tokens == hypothesis.tokens
        assert one.log_prob == hypothesis.log_prob
        assert (one.weights == hypothesis.weights).all()


@pytest.mark.parametrize(("alpha", "beta"), RANKINGS)
@pytest.mark.parametrize("seed", range(5))
def test_a_full_width_beam_is_brute_force(seed: int, alpha: float, beta: float) -> None:
    table, limit, nbest = ToyTable([2, 3, 1], vocab=5, seed=seed), 5, 7
    found = beam(
        table.step,
        table.begin(),
        table.source_lengths,
        size=100,  # 2^5 - 1 outputs that end, and at most 2^5 that go on
        nbest=nbest,
        length_normalization=alpha,
        coverage_penalty=beta,
        limit=at_most(limit),
    )
    for source, hypotheses in enumerate(found):
        every = [(score(table, source, tokens, alpha, beta), tokens) for tokens in table.outputs(limit)]
        every.sort(reverse=True)
        assert [hypothesis.tokens for hypothesis in hypotheses] == [tokens for _, tokens in every[:nbest]]
        torch.testing.assert_close(
            [hypothesis.score for hypothesis in hypotheses], [value for value, _ in every[:nbest]], rtol=0, atol=1e-5
        )


def test_a_hypothesis_that_ends_takes_its_slot_with_it() -> None:
    table = ToyTable([2], vocab=5)
    table.logits[0, 0, BEGIN] = torch.tensor([0.0, 0.0, 0.4, 0.6, 0.0]).log()
    table.logits[0, 2, 3] = torch.tensor([0.0, 0.0, 0.1, 0.5, 0.4]).log()  # history 2: after the first token
    table.logits[0, 3, 3] = torch.tensor([0.0, 0.0, 0.3, 0.7, 0.0]).log()  # history 3: after the second
    table.logits[0, 3, 4] = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]).log()
    (found,) = beam(table.step, table.begin(), table.source_lengths, size=2, nbest=2, limit=at_most(3))
    assert [hypothesis.tokens for hypothesis in found] == [(END,), (3, 3, 3)]  # a free slot would find (3, 4, END)


def test_it_stops_once_nothing_can_win_and_not_before() -> None:
    table = ToyTable([3], vocab=5)
    table.logits[:] = 0.0
    table.logits[..., END] = 4.0  # a step costs less than it can ever win back
    beam(table.step, table.begin(), table.source_lengths, size=2, limit=at_most(50))
    assert len(table.steps) == 1
    table.steps.clear()
    beam(table.step, table.begin(), table.source_lengths, size=3, nbest=2, limit=at_most(50))
    assert len(table.steps) == 2


@pytest.mark.parametrize("nbest", [1, 3, 5])
def test_nbest_is_sorted_and_distinct(nbest: int) -> None:
    table = ToyTable([2, 3, 5, 7], vocab=7, seed=1)
    found = beam(
        table.step,
        table.begin(),
        table.source_lengths,
        size=5,
        nbest=nbest,
        length_normalization=1.0,
        limit=at_most(11),
    )
    for hypotheses in found:
        whole = [hypothesis for hypothesis in hypotheses if hypothesis.tokens[-1] == END]
        assert hypotheses[: len(whole)] == whole  # what was cut stands behind
        assert [one.score for one in whole] == sorted((one.score for one in whole), reverse=True)
        assert len({hypothesis.tokens for hypothesis in hypotheses}) == len(hypotheses) == nbest


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_company_changes_nothing(beta: float) -> None:
    table = ToyTable([3, 1, 5, 2, 7, 4], vocab=11, seed=2)
    options = {"size": 3, "nbest": 3, "length_normalization": 0.9, "coverage_penalty": beta, "limit": at_most(17)}
    together = beam(table.step, table.begin(), table.source_lengths, **options)
    for source, expected in enumerate(together):
        (alone,) = beam(table.step, table.begin([source]), table.source_lengths[[source]], **options)
        assert [one.tokens for one in alone] == [one.tokens for one in expected]
        assert [one.score for one in alone] == [one.score for one in expected]


def test_weights_and_log_prob_are_those_of_forced_decoding() -> None:
    table = ToyTable([3, 1, 5, 2], vocab=7, seed=3)
    found = beam(table.step, table.begin(), table.source_lengths, size=5, nbest=5, limit=at_most(7))
    for rank in range(5):
        outputs = [hypotheses[rank] for hypotheses in found]
        forced = force(table.step, table.begin(), table.source_lengths, [one.tokens for one in outputs])
        for source, (one, other) in enumerate(zip(outputs, forced, strict=True)):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-6)
            assert one.weights.shape == (len(one.tokens), int(table.source_lengths[source]))
            assert abs(one.weights - other.weights).max() < 1e-6


def test_rows_are_those_of_the_hypotheses_that_go_on() -> None:
    table = ToyTable([2, 2, 2], vocab=7)
    table.logits[0, ..., END] = 20.0
    table.logits[1:, ..., END] = -20.0
    beam(table.step, table.begin(), table.source_lengths, size=4, limit=at_most(3))
    assert table.steps == [3, 8, 8]


def test_the_limit_cuts() -> None:
    table = ToyTable([2, 3], vocab=7)
    table.logits[..., END] = -30.0
    for hypotheses in beam(table.step, table.begin(), table.source_lengths, size=3, nbest=3, limit=at_most(5)):
        for hypothesis in hypotheses:
            assert len(hypothesis.tokens) == 5
            assert END not in hypothesis.tokens


def test_ties_go_to_the_lower_token() -> None:
    table = ToyTable([2], vocab=13)
    table.logits[:] = 0.0
    (found,) = beam(table.step, table.begin(), table.source_lengths, size=4, nbest=4, limit=at_most(1))
    assert [one.tokens for one in found] == [(2,), (3,), (4,), (5,)]


def test_padding_and_begin_are_never_put_out() -> None:
    table = ToyTable([2, 3], vocab=5)
    table.logits[..., [PAD, BEGIN]] = 30.0
    for hypotheses in beam(table.step, table.begin(), table.source_lengths, size=3, nbest=3, limit=at_most(7)):
        assert all(min(hypothesis.tokens) >= END for hypothesis in hypotheses)


def test_impossible_tokens_are_not_put_out() -> None:
    table = ToyTable([2, 3], vocab=7)
    table.logits[..., 3] = -torch.inf
    for hypotheses in beam(table.step, table.begin(), table.source_lengths, size=5, nbest=5, limit=at_most(3)):
        assert all(3 not in hypothesis.tokens and hypothesis.log_prob > -math.inf for hypothesis in hypotheses)


def test_coverage_penalty_of_a_model_that_looks_nowhere_is_finite() -> None:
    table = ToyTable([2, 3])
    table.weights[:] = 0.0
    found = beam(table.step, table.begin(), table.source_lengths, size=3, coverage_penalty=0.5, limit=at_most(7))
    assert all(math.isfinite(hypotheses[0].score) for hypotheses in found)


def test_a_batch_of_no_sentences() -> None:
    table = ToyTable([2])
    assert beam(table.step, table.begin([]), torch.zeros(0, dtype=torch.long), size=3) == []
    assert table.steps == []


def test_nan_is_named_with_its_sentence() -> None:
    table = ToyTable([2, 3, 5])
    table.logits[1] = torch.nan
    with pytest.raises(RegardError, match="sentence 1 of the batch"):
        beam(table.step, table.begin(), table.source_lengths, size=3)


@pytest.mark.parametrize(("size", "nbest"), [(0, 0), (3, 4), (3, 0)])
def test_sizes_are_checked(size: int, nbest: int) -> None:
    table = ToyTable([2])
    with pytest.raises(ValueError, match=r"expected 1 ≤ nbest ≤ size"):
        beam(table.step, table.begin(), table.source_lengths, size=size, nbest=nbest)


@pytest.mark.parametrize("name", ["length_normalization", "coverage_penalty"])
@pytest.mark.parametrize("value", [-0.5, math.nan, math.inf])
def test_the_ranking_is_checked(name: str, value: float) -> None:
    table = ToyTable([2])
    with pytest.raises(ValueError, match=f"{name} is {value}; expected a finite number of at least 0"):
        beam(table.step, table.begin(), table.source_lengths, size=2, **{name: value})
