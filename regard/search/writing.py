"""Forced decoding of edits: the most probable script that writes a given text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from regard.data.batch import BEGIN, END
from regard.decoders.step import Step
from regard.kernels.logits import best_of, normalizer
from regard.search.beam import beam
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.step_function import Choices, StepFunction, barred

SCRIPTS = 8
"""Scripts that are kept side by side."""


@dataclass(frozen=True)
class Wanted:
    """A text to be written over a source.

    Args:
        source: the number of each source token as a target token.
        letters: the tokens of the text, in the same numbers.
    """

    source: Sequence[int]
    letters: Sequence[int]


@dataclass(frozen=True)
class WritingState:
    """One row per hypothesis.

    Args:
        state: of the step function.
        places: of the pointer.
        written: how many letters are.
        pairs: which text each row writes.
    """

    state: Any
    places: Int[Tensor, " rows"]
    written: Int[Tensor, " rows"]
    pairs: Int[Tensor, " rows"]

    def select(self, rows: Int[Tensor, " selected"]) -> "WritingState":
        """The state of the given rows, in the given order."""
        places, written, pairs = (each.index_select(0, rows) for each in (self.places, self.written, self.pairs))
        return WritingState(self.state.select(rows), places, written, pairs)


class WritingStep:
    """A step function over edits, of which only those may come that write the rest of a text; probabilities are those
    of all edits.

    Args:
        step: the step function.
        wanted: the texts.
        copy: the number of COPY; that of DELETE follows.
        device: of the states.
    """

    def __init__(self, step: StepFunction, wanted: Sequence[Wanted], copy: int, device: torch.device) -> None:
        self.step, self.copy, self.barred = step, copy, barred(step)
        # Behind the last letter stands the end mark on both sides, so that there is always one to compare.
        sides = ([[*each.source, END] for each in wanted], [[*each.letters, END] for each in wanted])
        source, letters = ([torch.tensor(each) for each in side] for side in sides)
        self.source = pad_sequence(source, batch_first=True, padding_value=END).to(device)
        self.letters = pad_sequence(letters, batch_first=True, padding_value=END).to(device)

    def __call__(self, tokens: Int[Tensor, " rows"], state: WritingState) -> Step:
        """One step; its logits are log-probabilities, -inf for an edit that may not come."""
        places = state.places + (tokens >= self.copy).long()
        written = state.written + ((tokens != self.copy + 1) & (tokens != BEGIN)).long()
        answer = self.step(tokens, state.state)
        log_probs = answer.logits.float() - normalizer(answer.logits.float()).unsqueeze(1)
        allowed = self._allowed(places, written, state.pairs, log_probs)
        begun = WritingState(answer.state, places, written, state.pairs)
        return replace(answer, logits=log_probs.masked_fill(~allowed, -torch.inf), state=begun)

    def best(self, tokens: Int[Tensor, " rows"], state: WritingState, width: int) -> Choices:
        """One step, with the best edits that may come."""
        answer = self(tokens, state)
        _, chosen = best_of(answer.logits, width, self.barred)
        return Choices(chosen, answer.logits.gather(1, chosen), answer.state, answer.weights)

    def _allowed(self, places: Tensor, written: Tensor, pairs: Tensor, logits: Tensor) -> Bool[Tensor, "rows edits"]:
        wanted = self.letters[pairs, written].unsqueeze(1)
        here = self.source[pairs, places].unsqueeze(1)
        known = wanted.where(wanted < self.copy, BEGIN)  # a word of the source can be copied alone
        allowed = torch.zeros_like(logits, dtype=torch.bool).scatter(1, known, True)
        allowed[:, BEGIN] = False
        allowed[:, self.copy] = (wanted == here).squeeze(1)
        allowed[:, self.copy + 1] = True
        return allowed


def write(
    step: StepFunction, state: Any, source_lengths: Int[Tensor, " batch"], wanted: Sequence[Wanted], copy: int
) -> list[Hypothesis]:
    """The most probable script of each text that a beam of `SCRIPTS` finds, with the log-probability that a search
    reports for it. The probability of the text is the sum over all of its scripts, and so at least this.

    Args:
        step: a step function over edits.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        wanted: one text for each.
        copy: the number of COPY.
    """
    nothing = torch.zeros_like(source_lengths)
    begun = WritingState(state, nothing, nothing, torch.arange(len(nothing), device=nothing.device))
    longest = max((len(each.source) + len(each.letters) for each in wanted), default=0) + 1
    found = beam(
        WritingStep(step, wanted, copy, source_lengths.device),
        begun,
        source_lengths,
        size=SCRIPTS,
        limit=LengthLimit(0.0, longest),
    )
    return [replace(best, score=best.log_prob) for best, *_ in found]
