"""Sentences that enter a search later find what they would have found in a search of their own."""

import numpy as np
import pytest
import torch
from toy_table import ToyTable, at_most

from regard.search.beam import beam
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.refill import Entrance, Group

LENGTHS = [3, 1, 5, 2, 7, 4, 6, 2, 3, 5, 1, 8]
GROUPS = [[0, 1, 2, 3], [4], [5, 6], [7, 8, 9], [10, 11]]
RANKINGS = [(0.0, 0.0), (0.7, 0.0), (1.3, 0.2)]


def same(one: Hypothesis, other: Hypothesis) -> None:
    """To the last bit."""
    assert (one.tokens, one.log_prob, one.score) == (other.tokens, other.log_prob, other.score)
    assert np.array_equal(one.weights, other.weights)


def entering(table: ToyTable, groups: list[list[int]]) -> tuple:
    """What a search begins with, and what comes later."""
    begun = [(table.begin(group), table.source_lengths[group]) for group in groups]
    return *begun[0], iter(begun[1:])


@pytest.mark.parametrize("seed", range(5))
def test_greedy_search(seed: int) -> None:
    table = ToyTable(LENGTHS, vocab=9, seed=seed)
    state, lengths, later = entering(table, GROUPS)
    found = greedy(table.step, state, lengths, limit=at_most(11), later=later)
    rows = max(table.steps)
    together = greedy(table.step, table.begin(), table.source_lengths, limit=at_most(11))
    assert len(found) == len(together)
    for one, other in zip(found, together, strict=True):
        same(one, other)
    assert rows <= len(GROUPS[0])


@pytest.mark.parametrize(("alpha", "beta"), RANKINGS)
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam(seed: int, size: int, alpha: float, beta: float) -> None:
    table = ToyTable(LENGTHS, vocab=9, seed=seed)
    state, lengths, later = entering(table, GROUPS)
    options = {"size": size, "nbest": size, "length_normalization": alpha, "coverage_penalty": beta}
    found = beam(table.step, state, lengths, limit=at_most(11), later=later, **options)
    rows = max(table.steps)
    for sentence, ours in enumerate(found):
        (alone,) = beam(
            table.step, table.begin([sentence]), table.source_lengths[[sentence]], limit=at_most(11), **options
        )
        for one, other in zip(ours, alone, strict=True):
            same(one, other)
    assert rows <= len(GROUPS[0]) * size


def test_a_group_enters_as_soon_as_there_is_room() -> None:
    def group(count: int) -> Group:
        return Group(count, torch.ones(count, dtype=torch.long), torch.ones(count, dtype=torch.long))

    entrance = Entrance(map(group, [4, 2, 1, 3, 9, 1]))
    source = [[each.state for each in entrance.admit(live)] for live in (0, 3, 2, 1, 1, 0, 3, 0)]
    assert source == [[4], [], [2], [1], [3], [9], [1], []]


def test_nothing_is_read_before_it_is_needed() -> None:
    """Each group is made when the one before it enters."""
    table, made = ToyTable(LENGTHS, vocab=9), []

    def later():
        for group in GROUPS[1:]:
            made.append(len(table.steps))
            yield table.begin(group), table.source_lengths[group]

    greedy(table.step, table.begin(GROUPS[0]), table.source_lengths[GROUPS[0]], limit=at_most(11), later=later())
    assert made == sorted(made)
    assert made[0] < made[-1] < len(table.steps)
