"""One path per sentence: the loop that greedy search, sampling and forced decoding share, and greedy search itself."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.kernels.logits import check, normalizer
from regard.search.backpointers import End, Trail
from regard.search.beam import beam
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.numpy_bridge import read, select
from regard.search.refill import Entrance, Group, Later, joined
from regard.search.step_function import Choices, StepFunction, Walked, best
from regard.search.unattended import goes

FEW = 16
"""Of no more sentences, greedy search mostly has so few left that it is fastest by `walk`."""

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""`choose(logits, sentences, position)`: the next token of each row."""

Take = Callable[[Tensor, Any, Tensor, int, int], Walked]
"""`take(tokens, state, sentences, position, most)`: one step or some, at most so many, and what comes of them. The
position is the number of steps since the search began."""


def by_logits(step: StepFunction, choose: Choose) -> Take:
    """A way to take steps that looks at all logits."""

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int, most: int) -> Walked:
        answer = step(tokens, state)
        logits = answer.logits.detach().float()
        log_normalizers = normalizer(logits).unsqueeze(1)
        check(log_normalizers.squeeze(1), sentences)  # before anything is drawn from them
        chosen = choose(logits, sentences, position).unsqueeze(1)
        return Walked.one(Choices(chosen, logits.gather(1, chosen) - log_normalizers, answer.state, answer.weights))

    return take


def walk(take: Take, groups: Iterable[Group]) -> list[Hypothesis]:
    """Follow one path per sentence, to its end mark or its limit. Finished sentences leave the batch, others enter.

    Args:
        take: the next steps, and the tokens that come of them.
        groups: the sentences.

    Raises RegardError where the logits are NaN or infinite.
    """
    entrance, trail, state, ends = Entrance(groups), Trail(), None, dict[int, End]()
    sentences, limits, running = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    numbers = tokens = torch.zeros(0, dtype=torch.long)
    position = 0
    while True:
        for group in entrance.admit(len(sentences)):
            state, device = joined(state, group), group.limits.device
            entering = trail.enter(group.source_lengths)
            sentences, limits = np.append(sentences, entering), np.append(limits, group.limits.cpu().numpy())
            running = np.append(running, np.zeros(len(entering)))
            numbers = torch.from_numpy(sentences).to(device)
            tokens = torch.cat([tokens.to(device), torch.full_like(group.limits, BEGIN)])
        if not len(sentences):
            break
        found = take(tokens, state, numbers, position, int((limits - trail.lengths(sentences)).min()))
        choices, log_probs = read(found, sentences)
        rows = np.arange(len(sentences))[:, None]
        for number in range(choices.shape[1]):
            column = choices[:, number : number + 1]
            running = running + log_probs[:, number]
            trail.add(sentences, np.zeros_like(column), column, rows, found.weights[:, number])
        position += choices.shape[1]
        state, tokens, lengths = found.state, found.tokens[:, -1], trail.lengths(sentences)
        staying = (choices[:, -1] != END) & (limits > lengths)
        if staying.all():
            continue
        for row in np.flatnonzero(~staying).tolist():
            total = float(running[row])
            ends[int(sentences[row])] = End(int(sentences[row]), int(lengths[row]), 0, total, total)
        kept = np.flatnonzero(staying)
        state = select(state, kept, len(sentences), tokens.device)
        sentences, limits, running = sentences[kept], limits[kept], running[kept]
        numbers, tokens = (each[torch.from_numpy(kept).to(tokens.device)] for each in (numbers, tokens))
    return trail.hypotheses([ends[sentence] for sentence in sorted(ends)])


def greedy(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    limit: LengthLimit = DEFAULT_LIMIT,
    later: Later = (),
) -> list[Hypothesis]:
    """The most probable token at every step; among equals the lower number.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        limit: the longest output.
        later: further sentences, which enter as others end.

    Returns one hypothesis per sentence; its score is its log-probability. Raises RegardError where the logits are NaN
    or infinite.
    """

    if len(source_lengths) > FEW and goes(step):
        return [found for (found,) in beam(step, state, source_lengths, size=1, limit=limit, later=later)]
    several = getattr(step, "walk", None)

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int, most: int) -> Walked:
        found: Walked | None = several and several(tokens, state, most)
        return found or Walked.one(best(step, tokens, state, 1))

    return walk(take, Group.each(state, source_lengths, limit, later))
