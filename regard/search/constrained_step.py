"""Phrases that outputs must have, on top of rules: lexically constrained decoding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.phrases import Borders, Phrase
from regard.decoders.step import Step
from regard.marks import END
from regard.search.length_limit import LengthLimit
from regard.search.phrases import Phrases
from regard.search.refill import Later
from regard.search.ruled_step import RuledState, RuledStep
from regard.search.rules import NONE
from regard.search.step_function import Choices

NEVER = 1 << 40
"""More tokens than any output has."""


@dataclass(frozen=True, slots=True)
class ConstrainedState:
    """The state of a `ConstrainedStep`.

    Args:
        state: of the step under rules.
        phrases: of each row.
        limits: most tokens of each row, so that its phrases have room.
    """

    state: RuledState
    phrases: Phrases
    limits: Int[Tensor, " rows"]

    def select(self, rows: Int[Tensor, " selected"]) -> "ConstrainedState":
        """The given rows."""
        return ConstrainedState(self.state.select(rows), self.phrases.select(rows), self.limits[rows])

    def join(self, other: "ConstrainedState") -> "ConstrainedState":
        """The rows of another behind these."""
        limits = torch.cat([self.limits, other.limits])
        return ConstrainedState(self.state.join(other.state), self.phrases.join(other.phrases), limits)


class ConstrainedStep:
    """A step function that has every output say its phrases, in any order; its state is a `ConstrainedState`.

    Beside the best tokens it offers those that go on with a phrase, and of each token it says how much is `missing`
    behind it. A beam divides its places by that, see `allocation`. An output ends when nothing is missing; before its
    limit there is always room for what is. No rule takes away a token that goes on with a phrase. One that the model
    gives no probability has the smallest that float32 has, about 1e-38.

    Source: Post & Vilar 2018, arXiv:1804.06609, section 3; Hokamp & Liu 2017, arXiv:1704.07138.

    Args:
        step: the step function under rules.
        borders: of the tokens, on the device of the model.
    """

    def __init__(self, step: RuledStep, borders: Borders) -> None:
        self.step, self.borders, self.barred = step, borders, step.barred

    def __call__(self, tokens: Int[Tensor, " rows"], state: ConstrainedState) -> Step:
        """One step, with all logits."""
        phrases = state.phrases.moved(tokens, self.borders)
        answer = self.step.allowing(tokens, state.state, phrases.wanted(), phrases.left > 0)
        behind: Any = answer.state
        return replace(answer, state=ConstrainedState(behind, phrases, state.limits))

    def best(self, tokens: Int[Tensor, " rows"], state: ConstrainedState, width: int) -> Choices:
        """One step, with its best tokens, and those that go on with a phrase."""
        answer = self(tokens, state)
        behind: Any = answer.state
        moved, phrases = behind.state, behind.phrases
        found = self.step.choose(replace(answer, state=moved), width, phrases.wanted())
        missing = phrases.missing(*phrases.after(found.tokens, self.borders)).masked_fill(found.tokens == END, -1)
        # Behind each token there has to be room for what is missing, and for an end.
        room = state.limits - moved.said.ne(NONE).sum(1) - 1
        least = missing.masked_fill(found.log_probs == -torch.inf, NEVER).amin(1)
        late = (missing > torch.maximum(room, least).unsqueeze(1)) & (phrases.costs > 0).any(1, keepdim=True)
        return replace(
            found,
            log_probs=found.log_probs.masked_fill(late, -torch.inf),
            state=answer.state,
            missing=missing,
        )


def under_constraints(
    step: RuledStep,
    groups: Later,
    phrases: Sequence[Sequence[Phrase]],
    borders: Borders,
    limit: LengthLimit,
) -> tuple[ConstrainedStep, Later]:
    """A step function that says phrases, and the groups of a search with their own.

    Args:
        step: under rules.
        groups: first states of that step, and source lengths.
        phrases: of each sentence, in the order in which they enter; none for an output that need not have any.
        borders: of the tokens of the vocabulary.
        limit: the longest output; one whose phrases need more may have more.
    """
    rest = iter(phrases)

    def begun(state: RuledState, lengths: Tensor) -> tuple[ConstrainedState, Tensor]:
        own = Phrases.start(list(islice(rest, len(lengths))), borders.begins)
        costs, prefixes = own.costs.sum(1), state.prefix.ne(NONE).sum(1)
        # An end mark, and a token before the first phrase: an output cannot begin with a space.
        needed = torch.where(costs > 0, costs + prefixes + 2, 0)
        return ConstrainedState(state, own, torch.maximum(limit(lengths), needed)), lengths

    return ConstrainedStep(step, borders), (begun(state, lengths) for state, lengths in groups)
