"""Forced decoding: the probability of a given target, what the model attends to, what each of its layers does, and what
else could have stood at every step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import END, PAD
from regard.decoders.step import Step
from regard.kernels.logits import choosable, normalizer, top
from regard.search.greedy import by_logits, walk
from regard.search.hypothesis import Hypothesis
from regard.search.refill import Group
from regard.search.step_function import StepFunction, barred


def force(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    targets: Sequence[Sequence[int]],
) -> list[Hypothesis]:
    """Score given targets. No limit binds them.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        targets: one per sentence, with its end mark (or without, for the beginning of a target).

    Returns one hypothesis per sentence, with the log-probability and the weights that a search reports for the same
    tokens. Raises ValueError for a target that no search could put out, RegardError where the logits are NaN.
    """
    padded, group = _given("force", state, source_lengths, targets)

    def choose(logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        return padded[sentences, position]

    return walk(by_logits(step, choose), [group])


@dataclass(frozen=True)
class Ranked:
    """The tokens of a target, and beside each the most probable of its step.

    Args:
        log_probs: of the tokens of the target, each given those before it; their sum is what `force` reports.
        tokens: the most probable of each step, best first; among equals the lower number.
        best: their log-probabilities; -inf for a token that may not come.
    """

    log_probs: Float[np.ndarray, " target"]
    tokens: Int[np.ndarray, "target width"]
    best: Float[np.ndarray, "target width"]


def rank(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    targets: Sequence[Sequence[int]],
    width: int,
) -> list[Ranked]:
    """The probability of every token of given targets, and the `width` most probable tokens of every step.

    Args:
        step, state, source_lengths, targets: as for `force`. With the step function of a search and what it found,
            these are the probabilities that the search saw.
        width: at least 1; of a smaller vocabulary all that can be put out.

    Returns one record per sentence. Raises what `force` raises.
    """
    if width < 1:
        raise ValueError(f"rank: width is {width}; expected at least 1. Give the number of tokens to be kept.")
    padded, group = _given("rank", state, source_lengths, targets)
    heads: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def choose(logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        chosen, log_normalizers = padded[sentences, position], normalizer(logits).unsqueeze(1)
        never = barred(step)
        best, places = top(choosable(logits, never), min(width, logits.size(1) - END - (never is not None)))
        own = logits.gather(1, chosen.unsqueeze(1)) - log_normalizers
        heads.append((sentences, own.squeeze(1), places + END, best - log_normalizers))
        return chosen

    walk(by_logits(step, choose), [group])
    steps: list[list[tuple[float, np.ndarray, np.ndarray]]] = [[] for _ in targets]
    for head in heads:
        sentences, own, tokens, best = (part.numpy(force=True) for part in head)
        for row, sentence in enumerate(sentences.tolist()):
            steps[sentence].append((own[row], tokens[row], best[row]))
    return [Ranked(*(np.stack(part) for part in zip(*each, strict=True))) for each in steps]


def looks(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    targets: Sequence[Sequence[int]],
) -> list[np.ndarray]:
    """What every layer attended to at each step of given targets: float32 (layers, target, source), of several heads
    the mean. The last layer is what `force` reports; a decoder without attention has none.

    Args:
        step, state, source_lengths, targets: as for `force`.

    Returns one array per sentence, cut to its own source. Raises what `force` raises.
    """
    padded, group = _given("looks", state, source_lengths, targets)
    seen: list[Tensor] = []

    def watched(tokens: Tensor, state: Any) -> Step:
        answer = step(tokens, state)
        heads = [layer.mean(1) for layer in answer.heads]
        seen.append(torch.stack(heads, 1) if heads else answer.weights.new_zeros(len(tokens), 0, 0))
        return answer

    numbers: list[Tensor] = []

    def choose(logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        numbers.append(sentences)
        return padded[sentences, position]

    walk(by_logits(watched, choose), [group])
    steps: list[list[np.ndarray]] = [[] for _ in targets]
    lengths = source_lengths.tolist()
    for sentences, layers in zip(numbers, seen, strict=True):
        for sentence, look in zip(sentences.tolist(), layers.float().numpy(force=True), strict=True):
            steps[sentence].append(look[:, : lengths[sentence]])
    return [np.stack(each, 1) for each in steps]


def _given(
    name: str, state: Any, source_lengths: Int[Tensor, " batch"], targets: Sequence[Sequence[int]]
) -> tuple[Int[Tensor, "batch target"], Group]:
    """The targets as one tensor, and the sentences, each bounded by the length of its target."""
    if len(targets) != source_lengths.numel():
        raise ValueError(
            f"{name}: targets has {len(targets)} entries; expected {source_lengths.numel()}, one per sentence. "
            "Give as many targets as sources."
        )
    for row, target in enumerate(targets):
        if not target or min(target) < END or END in target[:-1]:
            raise ValueError(
                f"{name}: target {row} is {list(target)[:20]}; expected tokens above {END}, then the end mark {END}. "
                "Give at least the end mark, and leave padding and the begin mark out."
            )
    limits = torch.tensor([len(target) for target in targets], dtype=torch.long)
    padded = torch.full((len(targets), max(map(len, targets), default=0)), PAD)
    for row, target in enumerate(targets):
        padded[row, : len(target)] = torch.tensor(target)
    device = source_lengths.device
    return padded.to(device), Group(state, source_lengths, limits.to(device))
