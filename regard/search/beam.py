"""Beam search, exact in its stopping."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.search.backpointers import Trail
from regard.search.beam_finished import Harvest
from regard.search.beam_live import Front
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.length_penalty import Ranking
from regard.search.numpy_bridge import select
from regard.search.refill import Entrance, Group, Later, joined
from regard.search.step_function import StepFunction, best
from regard.search.unattended import go, goes


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

    Returns up to `nbest` different hypotheses per sentence, best first. Raises ValueError for arguments out of range,
    RegardError where the logits are NaN or infinite.
    """
    if not 1 <= nbest <= size:
        raise ValueError(f"beam: nbest is {nbest} and size is {size}; expected 1 ≤ nbest ≤ size. Widen the beam.")
    device, entrance = source_lengths.device, Entrance(Group.each(state, source_lengths, limit, later))
    harvest, trail = Harvest(Ranking(length_normalization, coverage_penalty), nbest), Trail()
    state, front = None, Front.start(np.arange(0), size)
    unattended: Any = getattr(step, "unattended", None) if goes(step) and not coverage_penalty else None
    while True:
        for group in entrance.admit(len(front.sentences)):
            state = joined(state, group)
            front = front.join(Front.start(trail.enter(group.source_lengths), size))
            harvest.enter(group)
        count = len(front.filled)
        if not count:
            break
        moving = unattended(state, int(front.free.sum())) if unattended else None
        if moving is not None:
            front, state = go(moving, front, harvest, trail, entrance.room)
            continue
        tokens = torch.from_numpy(front.tokens.take(front.filled)).to(device)
        found = best(step, tokens, state, size)
        front = front.expand(found, track=coverage_penalty > 0)
        trail.add(front.sentences, front.parents, front.tokens, front.rows, found.weights)
        front = harvest.gather(front, trail.lengths(front.sentences))
        state = select(found.state, front.rows.take(front.filled), count, device)
    ends = harvest.best()
    hypotheses = iter(trail.hypotheses([end for each in ends for end in each]))
    return [[next(hypotheses) for _ in each] for each in ends]
