"""Groups of a beam avoid each other's tokens, and nothing else about a beam changes."""

from collections import Counter

import pytest
import torch
from toy_table import ToyTable, at_most

from regard.data.batch import BEGIN, END
from regard.search.beam import beam
from regard.search.diverse import diverse_beam
from regard.search.diversity import Diversity, grouped
from regard.search.options import SearchOptions
from regard.search.ruled_step import under_rules
from regard.search.rules import Rules

LIMIT = 6
Kept = tuple[tuple[int, ...], float, float]
"""Tokens, their log-probability, and that less what was paid for tokens of other groups."""


def by_hand(table: ToyTable, source: int, size: int, diversity: Diversity) -> list[list[Kept]]:
    """Algorithm 1 of the paper in lists: what has ended in each group, which keeps its place."""
    live: list[list[Kept]] = [[((), 0.0, 0.0)] for _ in range(diversity.groups)]
    ended: list[list[Kept]] = [[] for _ in live]
    for step in range(LIMIT):
        counts: Counter[int] = Counter()
        for group, hypotheses in enumerate(live):
            choices = []
            for tokens, total, score in hypotheses:
                state, previous = table.begin([source]), BEGIN
                for token in tokens:
                    state, previous = table.step(torch.tensor([previous]), state).state, token
                log_probs = table.step(torch.tensor([previous]), state).logits[0].log_softmax(0).tolist()
                for word in range(END, table.vocab):
                    paid = diversity.strength * counts[word]
                    choices.append(((*tokens, word), total + log_probs[word], score + log_probs[word] - paid))
            choices.sort(key=lambda one: -one[2])
            chosen = choices[: size - len(ended[group])]
            counts.update(one[0][-1] for one in chosen)
            over = [one for one in chosen if one[0][-1] == END or step == LIMIT - 1]
            ended[group] += over
            live[group] = [one for one in chosen if one not in over]
    return ended


@pytest.mark.parametrize("strength", [0.3, 1.0, 5.0])
@pytest.mark.parametrize(("groups", "size"), [(2, 2), (3, 1), (2, 3)])
def test_groups_are_those_of_the_paper(groups: int, size: int, strength: float) -> None:
    table, diversity = ToyTable([2, 3, 1], vocab=7, seed=groups), Diversity(groups, strength)
    expected = [by_hand(table, source, size, diversity) for source in range(3)]
    found = diverse_beam(
        table.step,
        table.begin([0, 1]),
        table.source_lengths[:2],
        size=groups * size,
        diversity=diversity,
        nbest=groups * size,
        limit=at_most(LIMIT),
        later=[(table.begin([2]), table.source_lengths[2:])],
    )
    for outputs, right in zip(found, expected, strict=True):
        scored = sorted((one for group in right for one in group), key=lambda one: one[2])  # the best last, so it stays
        every = {tokens: (total, score) for tokens, total, score in scored}
        assert {one.tokens for one in outputs} == set(every)
        for one in outputs:  # its probability is that of the model
            assert (one.log_prob, one.score) == pytest.approx(every[one.tokens], abs=1e-4)
        whole = [one for one in outputs if one.tokens[-1] == END]
        assert outputs[: len(whole)] == whole
        assert [one.score for one in whole] == sorted((one.score for one in whole), reverse=True)


def test_the_best_of_every_group_come_before_the_second_of_any() -> None:
    table, diversity = ToyTable([2, 3, 1], vocab=7, seed=5), Diversity(2, 4.0)
    found = diverse_beam(
        table.step,
        table.begin(),
        table.source_lengths,
        size=4,
        diversity=diversity,
        nbest=2,
        limit=at_most(LIMIT),
    )
    for source, outputs in enumerate(found):
        groups = by_hand(table, source, 2, diversity)
        best = {max(group, key=lambda one: (one[0][-1] == END, one[2]))[0] for group in groups}
        assert {one.tokens for one in outputs} == best


@pytest.mark.parametrize("size", [4, 8])
def test_a_token_that_costs_enough_is_said_by_one_group(size: int) -> None:
    """So there are as many outputs as groups, or as are asked for."""
    table = ToyTable([2, 3, 1], vocab=19, seed=4)
    given = (table.step, table.begin(), table.source_lengths)
    found = diverse_beam(*given, size=size, nbest=4, limit=at_most(LIMIT), diversity=Diversity(4, 50.0))
    for outputs in found:
        assert len({one.tokens for one in outputs}) == len(outputs) == 4
        if size == 4:  # one hypothesis a group
            assert len({one.tokens[0] for one in outputs}) == 4


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_groups_that_hardly_avoid_each_other_are_beams(alpha: float) -> None:
    table = ToyTable([3, 1, 5, 2], vocab=11, seed=3)
    given = (table.step, table.begin(), table.source_lengths)
    options = {"nbest": 3, "length_normalization": alpha, "coverage_penalty": 0.2 * alpha, "limit": at_most(9)}
    expected = beam(*given, size=3, **options)
    found = diverse_beam(*given, size=6, diversity=Diversity(2, 1e-12), **options)
    for one, other in zip(found, expected, strict=True):
        assert [each.tokens for each in one] == [each.tokens for each in other]
        assert [each.score for each in one] == pytest.approx([each.score for each in other])


def test_company_changes_nothing() -> None:
    table = ToyTable([3, 1, 5, 2, 7], vocab=11, seed=2)
    options = {"size": 6, "nbest": 4, "length_normalization": 0.9, "limit": at_most(12), "diversity": Diversity(3, 0.7)}
    together = diverse_beam(table.step, table.begin(), table.source_lengths, **options)
    for source, expected in enumerate(together):
        (alone,) = diverse_beam(table.step, table.begin([source]), table.source_lengths[[source]], **options)
        assert [(one.tokens, one.score) for one in alone] == [(one.tokens, one.score) for one in expected]


def test_groups_keep_rules_and_prefixes() -> None:
    table = ToyTable([3, 1], vocab=11, seed=2)
    step, groups = under_rules(Rules(1, 3), [(4, 5), ()], table.step, [(table.begin(), table.source_lengths)])
    found = diverse_beam(step, *next(iter(groups)), size=4, nbest=4, limit=at_most(9), diversity=Diversity(4, 9.0))
    for outputs, prefix in zip(found, [(4, 5), ()], strict=True):
        for one in outputs:
            body = [token for token in one.tokens if token != END]
            assert one.tokens[: len(prefix)] == prefix
            assert len(set(body)) == len(body) >= 3


def test_what_makes_no_groups_is_refused() -> None:
    assert grouped(1, 0.5) is None
    with pytest.raises(ValueError, match=r"Diversity: groups is 1; expected 2 or more. For one group give none."):
        Diversity(1)
    with pytest.raises(ValueError, match=r"Diversity: strength is 0.0; expected a finite number above 0. Try 0.5."):
        Diversity(2, 0.0)
    with pytest.raises(ValueError, match="SearchOptions: beam_size is 5 and the groups are 2; expected a beam that"):
        SearchOptions(diversity=Diversity(2))
