"""Every output has its phrases, and of all outputs that have them a wide beam finds the best."""

import models
import numpy as np
import pytest
import torch
from toy_table import ToyTable, at_most

from regard.data.batch import END
from regard.data.phrases import Borders, Phrase, borders, phrases
from regard.data.tokenizer import Tokenizer
from regard.search.allocation import allocated
from regard.search.beam import beam
from regard.search.constrained_step import under_constraints
from regard.search.forced import force
from regard.search.hypothesis import Hypothesis
from regard.search.refill import Later
from regard.search.ruled_step import under_rules
from regard.search.rules import NO_RULES, Rules
from regard.search.start import Reader
from regard.search.step_function import StepFunction

LIMIT = 6
PHRASES: list[list[list[tuple[int, ...]]]] = [
    [[], [(3,)], [(4, 4)]],
    [[(3, 4)], [(3,), (4,)], [(4, 3, 3)]],
    [[(3, 3), (4,)], [(3, 3), (4, 4)], [(3, 4), (3, 3)]],
]
WORDS = Borders(*torch.zeros(2, 30, dtype=torch.bool))
"""Every token is a word."""


def has(tokens: tuple[int, ...], phrase: tuple[int, ...]) -> bool:
    return any(tokens[place : place + len(phrase)] == phrase for place in range(len(tokens)))


def search(
    step: StepFunction,
    groups: Later,
    wanted: list[list[tuple[int, ...]]],
    size: int,
    rules: Rules = NO_RULES,
    prefixes: list[tuple[int, ...]] | None = None,
    limit: int = LIMIT,
    alpha: float = 0.0,
) -> list[list[Hypothesis]]:
    ruled, groups = under_rules(rules, prefixes or [()] * len(wanted), step, groups)
    given = [[Phrase(each) for each in row] for row in wanted]
    constrained, groups = under_constraints(ruled, groups, given, WORDS, at_most(limit))
    first = next(iter(groups))
    limits, best = at_most(limit), min(4, size)
    return beam(constrained, *first, size=size, nbest=best, length_normalization=alpha, limit=limits, later=groups)


def of_table(table: ToyTable) -> Later:
    """Two sentences at first; the third enters when one has ended."""
    lengths = table.source_lengths
    return iter([(table.begin([0, 1]), lengths[:2]), (table.begin([2]), lengths[2:])])


@pytest.mark.parametrize("wanted", PHRASES)
@pytest.mark.parametrize(("rules", "prefixes"), [(NO_RULES, None), (Rules(0, 4), [(3,), (4, 3), ()])])
@pytest.mark.parametrize("seed", range(2))
def test_a_full_width_beam_finds_the_best_outputs_with_their_phrases(
    wanted: list[list[tuple[int, ...]]], rules: Rules, prefixes: list[tuple[int, ...]] | None, seed: int
) -> None:
    table = ToyTable([2, 3, 1], vocab=5, seed=seed)
    for source, found in enumerate(search(table.step, of_table(table), wanted[:3], 200, rules, prefixes)):
        begun = prefixes[source] if prefixes else ()
        needed = sum(map(len, wanted[source])) + len(begun) + 2 if wanted[source] else 0
        every = [
            tokens
            for tokens in table.outputs(max(LIMIT, needed))
            if all(has(tokens, phrase) for phrase in wanted[source])
            and tokens[: len(begun)] == begun
            and len(tokens) > rules.min_length
        ]
        right = sorted(every, key=lambda tokens: -table.follow(source, tokens)[0])[:4]
        ended = [one for one in found if one.tokens[-1] == END]
        assert [one.tokens for one in ended] == right[: len(ended)]
        assert len(ended) == (4 if wanted[source] else min(4, len(every)))
        for one in ended:
            assert one.log_prob == pytest.approx(table.follow(source, one.tokens)[0], abs=1e-5)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("rules", [NO_RULES, Rules(1, 3, 1.5), Rules(2)])
def test_every_output_of_a_narrow_beam_has_its_phrases(size: int, rules: Rules) -> None:
    table = ToyTable([3, 1, 5, 2, 7, 4], vocab=11, seed=4)
    wanted = [[(3, 3)], [(5,), (6, 7, 8)], [], [(9, 10), (10, 9)], [(4, 5, 4)], [(3,), (4,), (5,), (6,)]]
    for source, found in enumerate(
        search(table.step, iter([(table.begin(), table.source_lengths)]), wanted, size, rules, limit=9, alpha=1.0)
    ):
        assert found
        for one in found:
            assert one.log_prob == pytest.approx(table.follow(source, one.tokens)[0], abs=1e-4)
            assert all(has(one.tokens, phrase) for phrase in wanted[source])
        assert len({one.tokens for one in found}) == len(found)


def test_phrases_longer_than_the_limit_have_room() -> None:
    table = ToyTable([2], vocab=9, seed=1)
    phrase = (3, 4, 5, 6, 7, 8, 3)
    for one in search(table.step, iter([(table.begin(), table.source_lengths)]), [[phrase]], 3, limit=4)[0]:
        assert has(one.tokens, phrase)


def test_company_changes_nothing() -> None:
    table = ToyTable([3, 1, 5, 2], vocab=11, seed=2)
    wanted: list[list[tuple[int, ...]]] = [[(5, 6)], [(3,), (4,), (7, 8, 9)], [(10,)], [(4, 4, 4, 4)]]
    together = search(table.step, iter([(table.begin(), table.source_lengths)]), wanted, 3, Rules(0, 2, 1.3), limit=12)
    for source, expected in enumerate(together):
        groups = iter([(table.begin([source]), table.source_lengths[[source]])])
        (alone,) = search(table.step, groups, [wanted[source]], 3, Rules(0, 2, 1.3), limit=12)
        assert [(one.tokens, one.score) for one in alone] == [(one.tokens, one.score) for one in expected]


def test_a_token_without_probability_comes_all_the_same() -> None:
    table = ToyTable([2], vocab=6, seed=1)
    table.logits[..., 5] = -torch.inf
    for prefixes, wanted in ([[(5, 3)], [[]]], [[()], [[(3, 5)]]]):
        for one in search(table.step, iter([(table.begin(), table.source_lengths)]), wanted, 3, NO_RULES, prefixes)[0]:
            assert 5 in one.tokens
            assert -200 < one.log_prob < -80


@pytest.mark.parametrize("name", ["luong", "transformer"])
def test_outputs_of_a_model_are_scored_as_forced_decoding_does(name: str) -> None:
    model = models.small_model(models.recipe(models.DECODERS[name]), 1)
    source = models.batch_of([(5, 3), (2, 1), (7, 4)])
    with torch.inference_mode():
        (begun,) = Reader([model]).read(source.source, source.source_mask, 3)
        wanted: list[list[tuple[int, ...]]] = [[(5, 6)], [(7,), (8,)], [(9, 4, 9)]]
        found = search(begun.step, iter([(begun.state, begun.lengths)]), wanted, 4, limit=12)
        again = force(begun.step, begun.state, begun.lengths, [list(best.tokens) for best, *_ in found])
    for (one, *_), other in zip(found, again, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


def test_places_go_round_the_banks() -> None:
    totals = np.array([[-1.0, -2.0, -3.0, -4.0, -5.0, -np.inf], [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]])
    missing = np.array([[2, 2, 1, 0, 0, 0], [3, 3, 3, 3, -1, 0]])
    for free, *kept in ((3, {0, 2, 3}, {0, 4, 5}), (2, {0, 3}, {0, 4}), (1, {0}, {0}), (6, {*range(5)}, {*range(6)})):
        found = allocated(totals, missing, np.full(2, free))
        assert [set(np.flatnonzero(row > -np.inf)) for row in found] == kept


TEXTS = ["the cat sees cats", "a black cat, the dog", "l'cat catalogue", "汤姆看见猫。黑猫"]


@pytest.mark.parametrize("kind", ["bpe", "spaced_bpe", "characters"])
@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("cat", "the cat sees", True),
        ("cat", "cat", True),
        ("cat", "the cat", True),
        ("cat", "a cat, the dog", True),
        ("cat", "l'cat", True),
        ("cat", "the cats", False),
        ("cat", "catalogue", False),
        ("cat", "a blackcat", False),
        ("black cat", "a black cat", True),
        ("black cat", "a black dog", False),
        ("猫", "黑猫", True),
        ("猫", "汤姆看见猫。", True),
        (",", "cat, dog", True),
        ("ö", "a ö b", True),
    ],
)
def test_a_phrase_is_met_where_its_words_stand(kind: str, phrase: str, text: str, there: bool) -> None:
    """The text alone is the output of a table, so that nothing else is said."""
    from regard.search.phrases import Phrases

    tokenizer = Tokenizer.train(kind, TEXTS, 330)
    edges = borders(tokenizer, torch.device("cpu"))
    state = Phrases.start([phrases([phrase], tokenizer)], edges.begins)
    for token in [1, *tokenizer.ids(text)]:
        state = state.moved(torch.tensor([token]), edges)
    assert (int(state.left[0]) == 0) == there


def test_a_phrase_that_the_vocabulary_cannot_write_is_refused() -> None:
    tokenizer = Tokenizer.train("symbols", TEXTS, 330)
    assert [each.bare for each in phrases(["the dog", " the dog ", "", "cat"], tokenizer)] == [
        tokenizer.ids("the dog"),
        tokenizer.ids("cat"),
    ]
    with pytest.raises(ValueError, match="the phrase 'the cow' has a word that the vocabulary of the target lacks, so"):
        phrases(["the cow"], tokenizer)
