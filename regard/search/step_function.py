"""What a search asks of a model, and what passes between the two at each step.

A search keeps its record in NumPy, where small steps cost least; the model has tensors, on any device.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.decoders.output import Output
from regard.decoders.sourced_state import SourcedState
from regard.decoders.step import Advance, Step
from regard.kernels.logits import best_of, check

StepFunction = Callable[[Tensor, Any], Step]
"""`step(tokens, state) → Step`, one token per row of the state. All that a search has to know of a model.

What else a step function may have, each of which a search asks for by name and can do without:

barred        the number of a token that is never put out, beside padding and the begin mark
best          `best(tokens, state, width) → Choices`: a step with its best tokens, faster than by all logits
greedy_steps  `greedy_steps(tokens, state, most) → GreedySteps`: several steps, each with the best token of the one
              before
greedy        `greedy(state, source_lengths, limit, later) → hypotheses`: a whole greedy search
beam_steps    `beam_steps(state, live, finished, backpointers, enough) → (live, state)`: several steps of a beam, until
              no more than `enough` sentences are searched; the arguments are those of beam.py
compared      `compared(answer) → logits`: what tokens are compared by, where it is not by the logits of the answer

`greedy_steps`, `greedy` and `beam_steps` return None where they cannot, or would not be faster.
"""


@dataclass(frozen=True)
class Choices:
    """One step, and the tokens that may come next.

    Args:
        tokens: of every row, best first.
        log_probs: of these tokens; NaN in a row that is no distribution.
        state, weights: as in `Step`.
        penalties: what a beam takes off the log-probabilities when it compares outputs; None for nothing.
        missing: how much each output still needs behind these tokens, before which it does not end: a beam divides its
            places by that; None where outputs may end when they will.
    """

    tokens: Int[Tensor, "rows width"]
    log_probs: Float[Tensor, "rows width"]
    state: Any
    weights: Float[Tensor, "rows source"]
    penalties: Float[Tensor, "rows width"] | None = None
    missing: Int[Tensor, "rows width"] | None = None


@dataclass(frozen=True)
class GreedySteps:
    """Some steps, and the token that was chosen at each. No row ends before the last.

    Args:
        tokens: of every row, step by step.
        log_probs: of these tokens; NaN in a row that is no distribution.
        state: the state after the last.
        weights: as in `Step`.
    """

    tokens: Int[Tensor, "rows steps"]
    log_probs: Float[Tensor, "rows steps"]
    state: Any
    weights: Float[Tensor, "rows steps source"]


def single(found: Choices) -> GreedySteps:
    """One step, at which one token was chosen."""
    return GreedySteps(found.tokens, found.log_probs, found.state, found.weights.unsqueeze(1))


def best(step: StepFunction, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
    """One step and its `width` best tokens, among equals the lower number first."""
    find = getattr(step, "best", None)
    if find is not None:
        return find(tokens, state, width)
    answer = step(tokens, state)
    log_probs, chosen = best_of(answer.logits, width, barred(step))
    return Choices(chosen, log_probs, answer.state, answer.weights)


def barred(step: StepFunction) -> int | None:
    """The token that these steps never put out, if there is one."""
    return getattr(step, "barred", None)


def advance(decoder: Any, tokens: Int[Tensor, " rows"], state: SourcedState) -> Advance:
    """One step of a decoder, up to the output layer."""
    moved: Advance = decoder.advance(tokens, state.state, state.source)
    return replace(moved, state=replace(state, state=moved.state), source=state.output)


class DecoderStep:
    """The step function of a decoder and its output layer, by their definitions. Its state is a `SourcedState`.

    Args:
        decoder: an entry of `DECODERS`, built.
        output: its output layer.
        barred: a token that is never put out.
    """

    def __init__(self, decoder: Any, output: Output, barred: int | None = None) -> None:
        self.decoder = decoder
        self.output = output
        self.barred = barred

    def __call__(self, tokens: Int[Tensor, " rows"], state: SourcedState) -> Step:
        """One step, with all logits."""
        moved = advance(self.decoder, tokens, state)
        return Step(self.output.logits(moved), moved.state, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: SourcedState, width: int) -> Choices:
        """One step, with its best tokens."""
        moved = advance(self.decoder, tokens, state)
        log_probs, chosen = self.output.topk(moved, width, self.barred)
        return Choices(chosen, log_probs, moved.state, moved.weights)


def read(
    found: Choices | GreedySteps, sentences: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, "rows width"], Float[np.ndarray, "rows width"]]:
    """The tokens that may come next and their log-probabilities.

    Raises RegardError, naming the first sentence for which the answer is not a distribution.
    """
    tokens, log_probs = found.tokens.numpy(force=True), found.log_probs.numpy(force=True)
    if len(np.isnan(log_probs).nonzero()[0]):
        refuse(log_probs, sentences)
    return tokens, log_probs


def refuse(log_probs: Float[np.ndarray, "rows width"], sentences: Int[np.ndarray, " rows"]) -> None:
    """Raises RegardError for the first sentence that has a NaN."""
    check(torch.from_numpy(log_probs.max(1)), torch.from_numpy(sentences))


def select(state: Any, rows: Int[np.ndarray, " selected"], count: int, device: torch.device) -> Any:
    """The given rows of a state.

    Args:
        state: as the step function gave it; returned untouched where all its rows stay in place.
        rows: in their new order; None is returned where there are none.
        count: the rows that the state has.
        device: where it lives.
    """
    if len(rows) == count and (rows == np.arange(count)).all():
        return state
    return state.select(torch.from_numpy(rows).to(device)) if len(rows) else None
