"""Rules take choices away, and change nothing else."""

import models
import pytest
import torch
from toy_table import ToyTable, at_most

from regard.data.batch import BEGIN, END, PAD
from regard.search.beam import beam
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.refill import Later
from regard.search.ruled_step import RuledState, RuledStep, under_rules
from regard.search.rules import NO_RULES, Rules
from regard.search.sampling import sample
from regard.search.start import Reader

LIMIT = 5
RULES = [NO_RULES, Rules(1), Rules(2), Rules(3, 2), Rules(0, 4), Rules(1, 2)]
PREFIXES = [[(), (), ()], [(3,), (), (4, 4)], [(4, 3, 3), (3, 4), ()]]


def allowed(rules: Rules, prefix: tuple[int, ...], tokens: tuple[int, ...]) -> bool:
    """Whether an output keeps the rules; what the prefix says may break them."""
    body = tokens[:-1]
    if body[: len(prefix)] != prefix or len(body) < max(rules.min_length, len(prefix)):
        return False
    size = rules.no_repeat_ngram
    windows = [body[place : place + size] for place in range(len(body) - size + 1)] if size else []
    later = [place for place in range(len(windows)) if place + size > len(prefix)]
    return not any(windows[place] in windows[:place] for place in later)


def search(table: ToyTable, rules: Rules, prefixes: list[tuple[int, ...]], size: int) -> list[list[Hypothesis]]:
    """Two sentences at first; the third enters when one has ended."""
    lengths = table.source_lengths
    groups: Later = [(table.begin([0, 1]), lengths[:2]), (table.begin([2]), lengths[2:])]
    step, begun = under_rules(rules, prefixes, table.step, groups)
    given = next(iter(begun))
    if size == 1:
        return [[one] for one in greedy(step, *given, limit=at_most(LIMIT), later=begun)]
    return beam(step, *given, size=size, nbest=4, limit=at_most(LIMIT), later=begun)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("prefixes", PREFIXES)
@pytest.mark.parametrize("seed", range(3))
def test_a_full_width_beam_finds_the_best_of_what_is_allowed(
    rules: Rules, prefixes: list[tuple[int, ...]], seed: int
) -> None:
    table = ToyTable([2, 3, 1], vocab=5, seed=seed)
    found = search(table, rules, prefixes, 100)
    for source, hypotheses in enumerate(found):
        every = [tokens for tokens in table.outputs(LIMIT) if allowed(rules, prefixes[source], tokens)]
        right = sorted(every, key=lambda tokens: -table.follow(source, tokens)[0])[:4]
        ended = [one for one in hypotheses if one.tokens[-1] == END]
        assert [one.tokens for one in ended] == right[: len(ended)]
        assert len(ended) == min(4, len(every))
        for one in ended:  # its probability is that of the model
            assert one.log_prob == pytest.approx(table.follow(source, one.tokens)[0], abs=1e-5)


@pytest.mark.parametrize("rules", [*RULES, Rules(1, 3)])  # the last leaves nothing but an early end
@pytest.mark.parametrize("prefixes", PREFIXES)
def test_greedy_search_takes_the_best_that_is_allowed_at_each_step(
    rules: Rules, prefixes: list[tuple[int, ...]]
) -> None:
    table = ToyTable([2, 3, 1], vocab=5, seed=7)
    for source, (one,) in enumerate(search(table, rules, prefixes, 1)):
        state, previous, body = table.begin([source]), BEGIN, ()
        for place, token in enumerate(one.tokens):
            answer = table.step(torch.tensor([previous]), state)
            order = answer.logits[0].argsort(descending=True).tolist()
            if place < len(prefixes[source]):
                assert token == prefixes[source][place]
            else:
                choices = [word for word in order if word > END and _may(rules, body, word)]
                ends = END in order and len(body) >= rules.min_length
                ranked = [word for word in order if word in choices or (word == END and (ends or not choices))]
                assert token == ranked[0]
            state, previous, body = answer.state, token, (*body, token)


def _may(rules: Rules, body: tuple[int, ...], word: int) -> bool:
    size, longer = rules.no_repeat_ngram, (*body, word)
    windows = [longer[place : place + size] for place in range(len(longer) - size + 1)] if size else []
    return not windows or windows[-1] not in windows[:-1]


def penalized(table: ToyTable, source: int, tokens: tuple[int, ...], theta: float, given: int = 0) -> float:
    """The log-probability of an output, in which that of every token that it has already counts θ times."""
    totals = [table.follow(source, tokens[:place])[0] if place else 0.0 for place in range(len(tokens) + 1)]
    return sum(
        (theta if token in tokens[:place] and place >= given else 1) * (totals[place + 1] - totals[place])
        for place, token in enumerate(tokens)
    )


@pytest.mark.parametrize("prefixes", PREFIXES)
@pytest.mark.parametrize("theta", [1.3, 4.0])
def test_a_repetition_penalty_ranks_outputs_and_is_not_in_their_probability(
    prefixes: list[tuple[int, ...]], theta: float
) -> None:
    table = ToyTable([2, 3, 1], vocab=5, seed=3)
    for source, hypotheses in enumerate(search(table, Rules(0, 0, theta), prefixes, 100)):
        begun = prefixes[source]
        every = [tokens for tokens in table.outputs(LIMIT) if allowed(NO_RULES, begun, tokens)]
        right = {tokens: penalized(table, source, tokens, theta, len(begun)) for tokens in every}
        ended = [one for one in hypotheses if one.tokens[-1] == END]
        assert [one.tokens for one in ended] == sorted(every, key=lambda tokens: -right[tokens])[: len(ended)]
        assert ended
        for one in hypotheses:
            assert one.score == pytest.approx(penalized(table, source, one.tokens, theta, len(begun)), abs=1e-4)
            assert one.log_prob == pytest.approx(table.follow(source, one.tokens)[0], abs=1e-4)


def test_greedy_search_and_sampling_heed_a_repetition_penalty() -> None:
    table, theta = ToyTable([2, 3, 1], vocab=6, seed=2, spread=1.0), 2.5
    found = [one for (one,) in search(table, Rules(0, 0, theta), [(), (), ()], 1)]
    step, groups = under_rules(Rules(0, 0, theta), [()] * 3, table.step, [(table.begin(), table.source_lengths)])
    drawn = sample(step, *next(iter(groups)), seed=1, sentences=torch.arange(3), top_k=1, limit=at_most(LIMIT))
    plain = greedy(table.step, table.begin(), table.source_lengths, limit=at_most(LIMIT))
    assert [one.tokens for one in plain] != [one.tokens for one in found]
    for source, (one, other) in enumerate(zip(found, drawn, strict=True)):
        assert one.tokens == other.tokens
        assert one.log_prob == pytest.approx(other.log_prob) == pytest.approx(table.follow(source, one.tokens)[0])
        for place in range(len(one.tokens)):
            ways = [(*one.tokens[:place], word) for word in range(END, table.vocab)]
            assert max(ways, key=lambda way: penalized(table, source, way, theta)) == one.tokens[: place + 1]


@pytest.mark.parametrize("rules", [Rules(1, 2), Rules(2, 0, 1.7)])
def test_all_logits_and_the_best_of_them_say_the_same(rules: Rules) -> None:
    table = ToyTable([2, 3, 1], vocab=9, seed=3)
    step, state = RuledStep(table.step, rules), RuledState.start(table.begin(), [(), (), ()], torch.device("cpu"))
    tokens = torch.full((3,), BEGIN)
    for _ in range(4):
        answer, found = step(tokens, state), step.best(tokens, state, 3)
        log_probs = answer.logits.log_softmax(1)
        shown = step.compared(answer).clone()
        shown[:, [PAD, BEGIN]] = -torch.inf
        compared = found.log_probs if found.penalties is None else found.log_probs - found.penalties
        torch.testing.assert_close(compared.double(), shown.topk(3, 1).values, check_dtype=False, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(3, dtype=torch.float64))
        state, tokens = found.state, found.tokens[:, 0]


@pytest.mark.parametrize("name", ["luong", "transformer"])
@pytest.mark.parametrize("size", [1, 3])
def test_outputs_of_a_model_are_scored_as_forced_decoding_does(name: str, size: int) -> None:
    model = models.small_model(models.recipe(models.DECODERS[name]), 1)
    source = models.batch_of([(5, 3), (2, 1), (7, 4)])
    with torch.inference_mode():
        (begun,) = Reader([model]).read(source.source, source.source_mask, 3)
        prefixes = [(5, 6), (), (7,)]
        step, groups = under_rules(Rules(2, 3), prefixes, begun.step, [(begun.state, begun.lengths)])
        given = next(iter(groups))
        if size == 1:
            found = greedy(step, *given, limit=at_most(9))
        else:
            found = [best for best, *_ in beam(step, *given, size=size, limit=at_most(9))]
        again = force(begun.step, begun.state, begun.lengths, [list(one.tokens) for one in found])
    for one, other, prefix in zip(found, again, prefixes, strict=True):
        assert one.tokens[: len(prefix)] == prefix
        assert len(one.tokens) > 3
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)


def test_a_repetition_penalty_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Rules: repetition_penalty is 0.9; expected a finite number of at least 1"):
        Rules(repetition_penalty=0.9)


@pytest.mark.parametrize("name", ["no_repeat_ngram", "min_length"])
def test_a_negative_number_is_no_rule(name: str) -> None:
    with pytest.raises(ValueError, match=f"Rules: {name} is -1; expected 0 or more. 0 is no rule."):
        Rules(**{name: -1})
