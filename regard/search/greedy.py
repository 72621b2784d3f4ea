"""One path per sentence: the loop that greedy search, sampling and forced decoding share, and greedy search itself."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.kernels.logits import check, normalizer
from regard.search.backpointers import Backpointers, End
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.refill import Entrance, Group, Later, joined
from regard.search.step_function import Choices, GreedySteps, StepFunction, best, read, select, single

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""`choose(logits, sentences, position)`: the next token of each row."""

Take = Callable[[Tensor, Any, Tensor, int, int], GreedySteps]
"""`take(tokens, state, sentences, position, most)`: one step or some, at most so many, and what comes of them. The
position is the number of steps since the search began."""


def by_logits(step: StepFunction, choose: Choose) -> Take:
    """A way to take steps that looks at all logits; chosen from those by which the step function compares."""
    compared: Any = getattr(step, "compared", None)

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int, most: int) -> GreedySteps:
        answer = step(tokens, state)
        logits = answer.logits.detach().float()
        log_normalizers = normalizer(logits).unsqueeze(1)
        check(log_normalizers.squeeze(1), sentences)  # before anything is drawn from them
        choices = compared(answer).float() if compared else logits
        chosen = choose(choices, sentences, position).unsqueeze(1)
        return single(Choices(chosen, logits.gather(1, chosen) - log_normalizers, answer.state, answer.weights))

    return take


def walk(take: Take, groups: Iterable[Group]) -> list[Hypothesis]:
    """Follow one path per sentence, to its end mark or its limit. Finished sentences leave the batch, others enter.

    Args:
        take: the next steps, and the tokens that come of them.
        groups: the sentences.

    Raises RegardError where the logits are NaN or infinite.
    """
    entrance, backpointers, state, ends = Entrance(groups), Backpointers(), None, dict[int, End]()
    sentences, limits, lengths, running = (np.zeros(0, kind) for kind in (np.int64, np.int64, np.int64, np.float64))
    numbers = tokens = torch.zeros(0, dtype=torch.long)
    position, changed = 0, True
    while True:
        for group in entrance.admit(len(sentences)) if changed else ():
            state, device = joined(state, group), group.limits.device
            entering = backpointers.add_sentences(group.source_lengths)
            sentences, limits = np.append(sentences, entering), np.append(limits, group.limits.cpu().numpy())
            lengths, running = (
                np.append(each, np.zeros_like(each, shape=len(entering))) for each in (lengths, running)
            )
            numbers = torch.from_numpy(sentences).to(device)
            tokens = torch.cat([tokens.to(device), torch.full_like(group.limits, BEGIN)])
        if not len(sentences):
            break
        found = take(tokens, state, numbers, position, int((limits - lengths).min()))
        choices, log_probs = read(found, sentences)
        rows = np.arange(len(sentences))[:, None]
        for number in range(choices.shape[1]):
            column = choices[:, number : number + 1]
            running = running + log_probs[:, number]
            backpointers.steps.append(
                (sentences, np.zeros_like(column), column, rows, found.weights[:, number].detach())
            )
        position, lengths = position + choices.shape[1], lengths + choices.shape[1]
        state, tokens = found.state, found.tokens[:, -1]
        staying = (choices[:, -1] != END) & (limits > lengths)
        changed = not staying.all()
        if not changed:
            continue
        for row in np.flatnonzero(~staying).tolist():
            total = float(running[row])
            ends[int(sentences[row])] = End(int(sentences[row]), int(lengths[row]), 0, total, total)
        kept = np.flatnonzero(staying)
        state = select(state, kept, len(sentences), tokens.device)
        sentences, limits, lengths, running = (each[kept] for each in (sentences, limits, lengths, running))
        numbers, tokens = (each[torch.from_numpy(kept).to(tokens.device)] for each in (numbers, tokens))
    return backpointers.hypotheses([ends[sentence] for sentence in sorted(ends)])


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

    whole: Any = getattr(step, "greedy", None)
    found: list[Hypothesis] | None = whole(state, source_lengths, limit, later) if whole else None
    if found is not None:
        return found
    several: Any = getattr(step, "greedy_steps", None)

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int, most: int) -> GreedySteps:
        found: GreedySteps | None = several and several(tokens, state, most)
        return found or single(best(step, tokens, state, 1))

    return walk(take, Group.each(state, source_lengths, limit, later))
