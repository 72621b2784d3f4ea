"""Joint decoding: what a decoder and CTC say together."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.decoders.step import Step
from regard.marks import END, PAD
from regard.search.ctc import CtcPrefixes
from regard.search.precision import LOWEST, precise
from regard.search.step_function import StepFunction, barred

CANDIDATES = 64
"""Tokens of the decoder that CTC scores at a step, where both have a say."""


def expect_weight(place: str, ctc_weight: float) -> None:
    """Raises ValueError for a weight that is no share."""
    if not 0 <= ctc_weight <= 1:
        raise ValueError(f"{place}: ctc_weight is {ctc_weight}; expected 0 ≤ ctc_weight ≤ 1. Try 0.3.")


@dataclass(frozen=True, slots=True)
class JointState:
    """The state of a `JointStep`.

    Args:
        state: the decoder's.
        prefixes: row r belongs to row r of the decoder's state.
    """

    state: Any
    prefixes: CtcPrefixes

    def select(self, rows: Int[Tensor, " selected"]) -> "JointState":
        """The given rows of both."""
        return JointState(self.state.select(rows), self.prefixes.select(rows))

    def join(self, other: "JointState") -> "JointState":
        """The rows of another behind these."""
        return JointState(self.state.join(other.state), self.prefixes.join(other.prefixes))


class JointStep:
    """A decoder and the CTC of the same memory, as one step function; its state is a `JointState`.

        score(y | g) = (1 - λ) log P_decoder(y | g) + λ log P_ctc(y | g)

    Source: Watanabe et al. 2017, as for `CtcPrefixes`: an output scores (1 - λ) log P_decoder + λ log P_ctc. Here that
    is a sum over its tokens: each narrows all outputs that begin as this one does, and the end mark leaves this one.

    The scores of a step, as probabilities, sum to one at most, since a geometric mean does. What is missing is given to
    padding, which no search puts out: so the log-softmax of the logits is the score itself, and greedy search, a beam
    and forced decoding all report the same.

    Args:
        step: the decoder's step function.
        ctc_weight: λ, from 0 to 1.
        candidates: how many of the decoder's best tokens are scored besides the end mark; the others have -inf. With λ
            near 1 it should be the size of the vocabulary, since the decoder has little say then.

    Raises ValueError for arguments out of range.
    """

    def __init__(self, step: StepFunction, ctc_weight: float, candidates: int = CANDIDATES) -> None:
        expect_weight("JointStep", ctc_weight)
        if candidates < 1:
            raise ValueError(f"JointStep: candidates is {candidates}; expected at least 1. Try 64.")
        self.step, self.ctc_weight, self.candidates = step, ctc_weight, candidates
        self.barred = barred(step)

    def __call__(self, tokens: Int[Tensor, " rows"], state: JointState) -> Step:
        """One step."""
        answer, prefixes = self.step(tokens, state.state), state.prefixes.extend(tokens)
        log_probs = precise(answer.logits).log_softmax(1)
        others = log_probs[:, END + 1 :]
        chosen = others.topk(min(self.candidates, others.size(1)), 1).indices + END + 1
        chosen = torch.cat([torch.full_like(chosen[:, :1], END), chosen], 1)
        own = log_probs.gather(1, chosen)
        joint = (1 - self.ctc_weight) * own.clamp(min=LOWEST[own.dtype]) + self.ctc_weight * prefixes.scores(chosen)
        joint = joint.masked_fill(own == -torch.inf, -torch.inf)
        logits = torch.full_like(log_probs, -torch.inf).scatter(1, chosen, joint)
        logits[:, PAD] = (1 - joint.exp().sum(1)).clamp(min=0.0).log()
        return Step(logits, JointState(answer.state, prefixes), answer.weights, answer.heads)
