"""One path per sentence: the loop that greedy search, sampling and forced decoding share, and greedy search itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.output.logits import check, normalizer
from regard.search.choices import Choices, StepFunction, best
from regard.search.hypothesis import Hypothesis
from regard.search.limits import DEFAULT_LIMIT, LengthLimit
from regard.search.rows import read, select
from regard.search.trail import End, Trail

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""`choose(logits, sentences, position)`: the next token of each row."""

Take = Callable[[Tensor, Any, Tensor, int], Choices]
"""`take(tokens, state, sentences, position)`: one step, and of each row the one token that comes next."""


def by_logits(step: StepFunction, choose: Choose) -> Take:
    """A way to take steps that looks at all logits."""

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int) -> Choices:
        answer = step(tokens, state)
        logits = answer.logits.detach().float()
        log_normalizers = normalizer(logits).unsqueeze(1)
        check(log_normalizers.squeeze(1), sentences)  # before anything is drawn from them
        chosen = choose(logits, sentences, position).unsqueeze(1)
        return Choices(chosen, logits.gather(1, chosen) - log_normalizers, answer.state, answer.weights)

    return take


def walk(
    take: Take, state: Any, source_lengths: Int[Tensor, " batch"], limits: Int[Tensor, " batch"]
) -> list[Hypothesis]:
    """Follow one path per sentence, to its end mark or its limit. Finished sentences leave the batch.

    Args:
        take: the next step, and the token that comes of it.
        state: the first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        limits: most tokens of each sentence.

    Raises RegardError where the logits are NaN or infinite.
    """
    device, longest = source_lengths.device, limits.cpu().numpy()
    sentences, numbers = np.arange(len(limits)), torch.arange(len(limits), device=device)
    tokens = torch.full_like(numbers, BEGIN)
    totals, lengths = np.zeros(len(limits)), np.zeros_like(sentences)
    running = totals.copy()
    trail, position = Trail(), 0
    while len(sentences):
        found = take(tokens, state, numbers, position)
        choices, log_probs = read(found, sentences)
        running = running + log_probs[:, 0]
        trail.add(sentences, np.zeros_like(choices), choices, found.weights)
        position += 1
        state, tokens = found.state, found.tokens.squeeze(1)
        staying = (choices[:, 0] != END) & (longest > position)
        if staying.all():
            continue
        lengths[sentences], totals[sentences] = position, running
        rows = np.flatnonzero(staying)
        state = select(state, rows, len(sentences), device)
        sentences, longest, running = sentences[rows], longest[rows], running[rows]
        numbers, tokens = (each[torch.from_numpy(rows).to(device)] for each in (numbers, tokens))
    ends = [
        End(sentence, length, 0, total, total)
        for sentence, (length, total) in enumerate(zip(lengths.tolist(), totals.tolist(), strict=True))
    ]
    return trail.hypotheses(ends, source_lengths)


def greedy(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    limit: LengthLimit = DEFAULT_LIMIT,
) -> list[Hypothesis]:
    """The most probable token at every step; among equals the lower number.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        limit: the longest output.

    Returns one hypothesis per sentence; its score is its log-probability. Raises RegardError where the logits are NaN
    or infinite.
    """

    def take(tokens: Tensor, state: Any, sentences: Tensor, position: int) -> Choices:
        return best(step, tokens, state, 1)

    return walk(take, state, source_lengths, limit(source_lengths))
