"""Forced decoding: the probability of a given target, and what the model looks at while it says it."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import END, PAD
from regard.search.choices import StepFunction
from regard.search.groups import Group
from regard.search.hypothesis import Hypothesis
from regard.search.walking import by_logits, walk


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
    if len(targets) != source_lengths.numel():
        raise ValueError(
            f"force: targets has {len(targets)} entries; expected {source_lengths.numel()}, one per sentence. "
            "Give as many targets as sources."
        )
    for row, target in enumerate(targets):
        if not target or min(target) < END or END in target[:-1]:
            raise ValueError(
                f"force: target {row} is {list(target)[:20]}; expected tokens above {END}, then the end mark {END}. "
                "Give at least the end mark, and leave padding and the begin mark out."
            )
    limits = torch.tensor([len(target) for target in targets], dtype=torch.long)
    padded = torch.full((len(targets), max(map(len, targets), default=0)), PAD)
    for row, target in enumerate(targets):
        padded[row, : len(target)] = torch.tensor(target)
    padded = padded.to(source_lengths.device)

    def choose(logits: Tensor, sentences: Tensor, position: int) -> Tensor:
        return padded[sentences, position]

    return walk(by_logits(step, choose), [Group(state, source_lengths, limits.to(source_lengths.device))])
