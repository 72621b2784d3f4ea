"""Diverse beam search: a beam of several groups, each of which avoids the tokens of those before it."""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import END
from regard.search.beam import beam
from regard.search.diversity import Diversity
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.refill import Later
from regard.search.step_function import StepFunction


def diverse_beam(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    size: int,
    diversity: Diversity,
    nbest: int = 1,
    length_normalization: float = 0.0,
    coverage_penalty: float = 0.0,
    limit: LengthLimit = DEFAULT_LIMIT,
    later: Later = (),
) -> list[list[Hypothesis]]:
    """The best outputs of groups that avoid each other's tokens, see `Diversity`.

    Each group is a beam of its own, so that one ends whatever the others do. The n best are the best of every group,
    then the second of every group, and so on; the same output of two groups is one. They are given by score.

    Args:
        step, state, source_lengths, length_normalization, coverage_penalty, limit, later: as for `beam`.
        size: hypotheses per sentence; every group has as many, rounded up.
        diversity: the groups.
        nbest: how many to return.

    Returns up to `nbest` different hypotheses per sentence, best first. Raises what `beam` raises.
    """
    groups = diversity.groups
    own = -(-size // groups)

    def each() -> Iterator[tuple[Any, Tensor]]:
        for first, lengths in chain([(state, source_lengths)], later):
            rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(groups)
            yield first.select(rows), lengths[rows]

    entering = each()
    found = beam(
        step,
        *next(entering),
        size=own,
        nbest=min(own, nbest),
        length_normalization=length_normalization,
        coverage_penalty=coverage_penalty,
        limit=limit,
        later=entering,
        diversity=diversity,
    )
    return [_best(found[first : first + groups], nbest) for first in range(0, len(found), groups)]


def _best(groups: Sequence[Sequence[Hypothesis]], nbest: int) -> list[Hypothesis]:
    """The n best of all groups, each once."""
    chosen: dict[tuple[int, ...], Hypothesis] = {}
    for those in zip_longest(*groups):
        for one in sorted((one for one in those if one is not None), key=_rank):
            chosen.setdefault(one.tokens, one)
    return sorted(list(chosen.values())[:nbest], key=_rank)


def _rank(hypothesis: Hypothesis) -> tuple[bool, float]:
    """What has ended comes before what was cut."""
    return hypothesis.tokens[-1] != END, -hypothesis.score
