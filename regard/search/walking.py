"""One path per sentence: the loop that greedy search, sampling and forced decoding share, and greedy search itself."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.decoders.step import Step
from regard.search.hypothesis import Hypothesis
from regard.search.limits import DEFAULT_LIMIT, LengthLimit
from regard.search.logits import check, normalizer, top
from regard.search.trail import End, Trail

StepFunction = Callable[[Tensor, Any], Step]
"""`step(tokens, state) → Step`, one token per row of the state. All that a search knows of a model."""

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""`choose(logits, sentences, position)`: the next token of each row."""


def walk(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    limits: Int[Tensor, " batch"],
    choose: Choose,
) -> list[Hypothesis]:
    """Follow one path per sentence, to its end mark or its limit. Finished sentences leave the batch.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        limits: most tokens of each sentence.
        choose: which token comes next.

    Raises RegardError where the logits are NaN or infinite.
    """
    sentences = torch.arange(source_lengths.numel(), device=source_lengths.device)
    tokens = torch.full_like(sentences, BEGIN)
    log_probs = torch.zeros_like(sentences, dtype=torch.float64)
    lengths, running = torch.zeros_like(sentences), log_probs.clone()
    trail, position = Trail(), 0
    while sentences.numel():
        answer = step(tokens, state)
        logits = answer.logits.detach().float()
        normalizers = normalizer(logits)
        check(normalizers, sentences)
        tokens = choose(logits, sentences, position)
        running = running + (logits.gather(1, tokens.unsqueeze(1)).squeeze(1) - normalizers)
        trail.add(sentences, torch.zeros_like(tokens).unsqueeze(1), tokens.unsqueeze(1), answer.weights)
        position += 1
        state, staying = answer.state, (tokens != END) & (limits > position)
        if bool(staying.all()):
            continue
        log_probs[sentences], lengths[sentences] = running, position
        rows = staying.nonzero().squeeze(1)
        sentences, tokens, limits, running = (each[rows] for each in (sentences, tokens, limits, running))
        state = state.select(rows) if rows.numel() else None
    totals = zip(lengths.tolist(), log_probs.tolist(), strict=True)
    ends = [End(sentence, length, 0, total, total) for sentence, (length, total) in enumerate(totals)]
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

    def choose(logits: Float[Tensor, "rows vocab"], sentences: Tensor, position: int) -> Tensor:
        return top(logits[:, END:], 1)[1].squeeze(1) + END

    return walk(step, state, source_lengths, limit(source_lengths), choose)
