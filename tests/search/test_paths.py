"""One path per sentence: greedy search, forced decoding, sampling."""

import math
from collections import Counter

import pytest
import torch
from toy_table import ToyTable, at_most

from regard.data.batch import BEGIN, END, PAD
from regard.errors import RegardError
from regard.kernels.logits import top
from regard.search.forced import force, rank
from regard.search.greedy import greedy
from regard.search.length_limit import LengthLimit
from regard.search.sampling import sample

LENGTHS = [3, 1, 5, 2, 7, 4]


def draw(table: ToyTable, rows: list[int], **options: object) -> list[tuple[int, ...]]:
    numbers = torch.tensor(rows)
    drawn = sample(
        table.step,
        table.begin(rows),
        table.source_lengths[numbers],
        **{"seed": 5, "sentences": numbers, "limit": at_most(11), **options},
    )
    return [hypothesis.tokens for hypothesis in drawn]


def test_greedy_takes_the_best_token_each_time() -> None:
    table = ToyTable(LENGTHS, vocab=7)
    for source, hypothesis in enumerate(greedy(table.step, table.begin(), table.source_lengths, limit=at_most(13))):
        for position, token in enumerate(hypothesis.tokens):
            totals = [table.follow(source, (*hypothesis.tokens[:position], other))[0] for other in range(END, 7)]
            assert token - END == totals.index(max(totals))
        assert hypothesis.score == hypothesis.log_prob == pytest.approx(table.follow(source, hypothesis.tokens)[0])


def test_finished_sentences_leave() -> None:
    table = ToyTable([2, 2, 2], vocab=7)
    table.logits[1, ..., END] = 20.0
    table.logits[::2, ..., END] = -20.0
    greedy(table.step, table.begin(), table.source_lengths, limit=at_most(3))
    assert table.steps == [3, 2, 2]


def test_each_sentence_has_its_own_limit() -> None:
    table = ToyTable([1, 5, 3], vocab=7)
    table.logits[..., END] = -30.0
    found = greedy(table.step, table.begin(), table.source_lengths, limit=LengthLimit(ratio=1.5, extra=2))
    assert [len(hypothesis.tokens) for hypothesis in found] == [3, 9, 6]


def test_the_default_limit_is_twice_the_source_and_fifty() -> None:
    assert LengthLimit()(torch.tensor([1, 7])).tolist() == [52, 64]
    assert LengthLimit(0.0, 0)(torch.tensor([7])).tolist() == [1]


@pytest.mark.parametrize(("ratio", "extra"), [(-1.0, 5), (math.nan, 5), (math.inf, 5), (1.0, -5)])
def test_a_senseless_limit_is_refused(ratio: float, extra: int) -> None:
    with pytest.raises(ValueError, match=r"LengthLimit: ratio is .* expected finite numbers of at least 0"):
        LengthLimit(ratio, extra)


def test_company_changes_nothing() -> None:
    table = ToyTable(LENGTHS, vocab=11)
    together = greedy(table.step, table.begin(), table.source_lengths)
    for source, expected in enumerate(together):
        (alone,) = greedy(table.step, table.begin([source]), table.source_lengths[[source]])
        assert alone.tokens == expected.tokens
        assert alone.log_prob == expected.log_prob
        assert (alone.weights == expected.weights).all()


def test_forced_decoding_gives_what_the_search_gave() -> None:
    table = ToyTable(LENGTHS, vocab=11)
    found = greedy(table.step, table.begin(), table.source_lengths, limit=at_most(13))
    forced = force(table.step, table.begin(), table.source_lengths, [hypothesis.tokens for hypothesis in found])
    for source, (one, other) in enumerate(zip(found, forced, strict=True)):
        assert one.tokens == other.tokens
        assert one.log_prob == other.log_prob
        assert (one.weights == other.weights).all()
        assert one.weights.shape == (len(one.tokens), LENGTHS[source])
        assert one.weights.dtype == "float32"


def test_a_worked_example() -> None:
    """Two tokens, then the end: probabilities 1/2 · 1/4 · 1/8 over a vocabulary where padding holds some mass, too."""
    table = ToyTable([2], vocab=5)
    table.logits[:] = torch.tensor([1 / 16, 1 / 16, 1 / 8, 1 / 4, 1 / 2]).log()
    (forced,) = force(table.step, table.begin(), table.source_lengths, [[4, 3, END]])
    assert forced.log_prob == pytest.approx(math.log(1 / 64))


@pytest.mark.parametrize("width", [1, 3, 20])
def test_the_most_probable_tokens_of_every_step(width: int) -> None:
    """Against the table, step by step; of two equals the lower number comes first."""
    table = ToyTable(LENGTHS, vocab=11)
    table.logits[..., 5] = table.logits[..., 8]
    targets = [hypothesis.tokens for hypothesis in greedy(table.step, table.begin(), table.source_lengths)]
    targets[4] = (4, 5, 6)  # without its end
    ranked = rank(table.step, table.begin(), table.source_lengths, targets, width)
    for source, (target, found) in enumerate(zip(targets, ranked, strict=True)):
        assert found.tokens.shape == found.best.shape == (len(target), min(width, 11 - END))
        state, previous = table.begin([source]), BEGIN
        for place, token in enumerate(target):
            answer = table.step(torch.tensor([previous]), state)
            each = answer.logits[0].double().log_softmax(0).tolist()
            assert found.log_probs[place] == pytest.approx(each[token], abs=1e-5)
            expected = sorted(range(END, 11), key=lambda other: (-each[other], other))[:width]
            assert found.tokens[place].tolist() == expected
            assert found.best[place].tolist() == pytest.approx([each[other] for other in expected], abs=1e-5)
            state, previous = answer.state, token


@pytest.mark.parametrize("target", [[], [PAD, END], [BEGIN, 3, END], [3, END, 4]])
def test_a_target_that_no_search_puts_out_is_refused(target: list[int]) -> None:
    table = ToyTable([2, 3])
    with pytest.raises(ValueError, match=r"target 1 is .* expected tokens above 2, then the end mark 2"):
        force(table.step, table.begin(), table.source_lengths, [[3, END], target])


def test_one_target_per_sentence() -> None:
    table = ToyTable([2, 3])
    with pytest.raises(ValueError, match="force: targets has 1 entries; expected 2"):
        force(table.step, table.begin(), table.source_lengths, [[END]])
    with pytest.raises(ValueError, match="rank: targets has 1 entries; expected 2"):
        rank(table.step, table.begin(), table.source_lengths, [[END]], 3)
    with pytest.raises(ValueError, match="rank: width is 0; expected at least 1"):
        rank(table.step, table.begin(), table.source_lengths, [[END], [END]], 0)


def test_a_batch_of_no_sentences() -> None:
    table, none = ToyTable([2]), torch.zeros(0, dtype=torch.long)
    assert greedy(table.step, table.begin([]), none) == []
    assert force(table.step, table.begin([]), none, []) == []
    assert rank(table.step, table.begin([]), none, [], 3) == []
    assert sample(table.step, table.begin([]), none, seed=1, sentences=none) == []


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_named_with_their_sentence(value: float) -> None:
    table = ToyTable([2, 3, 5])
    table.logits[2] = value
    for search in (greedy, lambda *given: sample(*given, seed=1, sentences=torch.arange(3))):
        with pytest.raises(RegardError, match="sentence 2 of the batch"):
            search(table.step, table.begin(), table.source_lengths)
    with pytest.raises(RegardError, match="sentence 2 of the batch"):
        force(table.step, table.begin(), table.source_lengths, [[END]] * 3)


def test_no_possible_token_is_an_error() -> None:
    table = ToyTable([2])
    table.logits[..., END:] = -torch.inf
    with pytest.raises(RegardError, match="leave no token possible"):
        greedy(table.step, table.begin(), table.source_lengths)


@pytest.mark.parametrize("options", [{"temperature": 1e-6}, {"top_k": 1}, {"top_p": 1e-9}, {"top_k": 5, "top_p": 1e-9}])
def test_the_head_of_the_distribution_is_greedy_search(options: dict[str, float]) -> None:
    table = ToyTable(LENGTHS, vocab=11)
    expected = greedy(table.step, table.begin(), table.source_lengths, limit=at_most(11))
    assert draw(table, list(range(6)), **options) == [hypothesis.tokens for hypothesis in expected]


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7}, {"top_k": 3}, {"top_p": 0.8}])
def test_a_draw_depends_on_seed_and_sentence_alone(options: dict[str, float]) -> None:
    table = ToyTable(LENGTHS, vocab=11)
    together = draw(table, [0, 1, 2, 3, 4, 5], **options)
    assert draw(table, [0, 1, 2, 3, 4, 5], **options) == together
    assert draw(table, [5, 2], **options) == [together[5], together[2]]
    assert draw(table, [0, 1, 2, 3, 4, 5], seed=6, **options) != together


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.2, 0.3, 0.4]),
        ({"top_k": 2}, [0.0, 0.0, 3 / 7, 4 / 7]),
        ({"top_p": 0.65}, [0.0, 0.0, 3 / 7, 4 / 7]),
        ({"top_p": 0.75}, [0.0, 2 / 9, 3 / 9, 4 / 9]),
        ({"temperature": 0.5}, [1 / 30, 4 / 30, 9 / 30, 16 / 30]),
        ({"temperature": 0.5, "top_p": 0.8}, [0.0, 0.0, 9 / 25, 16 / 25]),
    ],
)
def test_frequencies_match_the_table(options: dict[str, float], expected: list[float]) -> None:
    """Within five standard deviations of a binomial count; the seed is fixed, so this does not flicker."""
    table, draws = ToyTable([2], vocab=6), 4001
    table.logits[:] = torch.tensor([0.05, 0.05, 0.09, 0.18, 0.27, 0.36]).log()
    drawn = sample(
        table.step,
        table.begin([0] * draws),
        torch.full((draws,), 2),
        seed=3,
        sentences=torch.arange(draws),
        limit=at_most(1),
        **options,
    )
    counts = Counter(hypothesis.tokens[0] for hypothesis in drawn)
    for token, probability in enumerate(expected, END):
        slack = 5 * math.sqrt(draws * probability * (1 - probability))
        assert abs(counts[token] - draws * probability) <= slack


def test_a_draw_reports_the_log_probability_of_the_model() -> None:
    table = ToyTable(LENGTHS, vocab=11)
    drawn = sample(
        table.step, table.begin(), table.source_lengths, seed=1, sentences=torch.arange(6), temperature=2.0, top_k=5
    )
    forced = force(table.step, table.begin(), table.source_lengths, [hypothesis.tokens for hypothesis in drawn])
    assert [one.log_prob for one in drawn] == [one.log_prob for one in forced]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"temperature": 0.0}, "temperature is 0.0; .* use greedy"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
    ],
)
def test_arguments_of_sampling_are_checked(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"sample: {message}"):
        draw(ToyTable([2]), [0], **options)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6, 7, 11])
def test_top_breaks_ties_by_place(width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 3, (97, 7), generator=generator).float()
    values, places = top(scores, width)
    for row, (got, where) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
        expected = sorted((-float(score), place) for place, score in enumerate(scores[row]))[:width]
        assert [(-value, place) for value, place in zip(got, where, strict=True)] == expected
