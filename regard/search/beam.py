"""Beam search, exact in its stopping."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.search.backpointers import Backpointers
from regard.search.beam_finished import Finished
from regard.search.beam_live import Live
from regard.search.diversity import Diversity
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.length_penalty import Ranking
from regard.search.refill import Entrance, Group, Later, joined
from regard.search.step_function import StepFunction, best, select


def beam(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    size: int,
    nbest: int = 1,
    length_normalization: float = 0.0,
    coverage_penalty: float = 0.0,
    limit: LengthLimit = DEFAULT_LIMIT,
    later: Later = (),
    diversity: Diversity | None = None,
) -> list[list[Hypothesis]]:
    """The best outputs that a beam of the given size finds.

    At every step each sentence keeps its most probable hypotheses. One that ends takes its place in the beam with it,
    so that a beam of 1 is greedy search whatever the ranking. A sentence is done when no hypothesis that still goes on
    can beat the worst of its n best finished ones by `Ranking.bound`; then all its rows leave the batch. An empty place
    has no row. Ties go to the lower slot, then to the lower token.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        size: hypotheses per sentence, at most. Their rows of the state stand side by side.
        nbest: how many to return, at most `size`.
        length_normalization, coverage_penalty: α and β of `Ranking`, which ranks what has ended.
        limit: the longest output. What has not ended there is cut, and stands behind all that has.
        later: further sentences, which enter as others are done.
        diversity: groups that avoid each other, each as if it were a sentence; see `diverse_beam`.

    Returns up to `nbest` different hypotheses per sentence, best first. Raises ValueError for arguments out of range,
    RegardError where the logits are NaN or infinite.
    """
    if not 1 <= nbest <= size:
        raise ValueError(f"beam: nbest is {nbest} and size is {size}; expected 1 ≤ nbest ≤ size. Widen the beam.")
    device, entrance = source_lengths.device, Entrance(Group.each(state, source_lengths, limit, later))
    finished, backpointers = Finished(Ranking(length_normalization, coverage_penalty), nbest), Backpointers()
    state, live = None, Live.start(np.arange(0), size)
    several: Any = None if coverage_penalty or diversity else getattr(step, "beam_steps", None)
    width = size * diversity.groups if diversity else size  # those that other groups have chosen may fall so far
    while True:
        for group in entrance.admit(len(live.sentences)):
            state = joined(state, group)
            live = live.join(Live.start(backpointers.add_sentences(group.source_lengths), size))
            finished.add_sentences(group)
        count = len(live.filled)
        if not count:
            break
        moved = several(state, live, finished, backpointers, entrance.room) if several else None
        if moved is not None:
            live, state = moved
            continue
        tokens = torch.from_numpy(live.tokens.take(live.filled)).to(device)
        found = best(step, tokens, state, width)
        live = live.expand(found, diversity, track=coverage_penalty > 0)
        backpointers.add(live.sentences, live.parents, live.tokens, live.rows, found.weights)
        live = finished.take(live, backpointers.lengths(live.sentences))
        state = select(found.state, live.rows.take(live.filled), count, device)
    ends = finished.best()
    hypotheses = iter(backpointers.hypotheses([end for each in ends for end in each]))
    return [[next(hypotheses) for _ in each] for each in ends]
