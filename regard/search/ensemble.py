"""Several models as one: an ensemble of step functions is a step function."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from regard.decoders.step import Step
from regard.search.step_function import StepFunction, barred


@dataclass(frozen=True, slots=True)
class EnsembleState:
    """One state per member."""

    states: tuple[Any, ...]

    def select(self, rows: Int[Tensor, " selected"]) -> "EnsembleState":
        """The given rows of every member."""
        return EnsembleState(tuple(state.select(rows) for state in self.states))

    def join(self, other: "EnsembleState") -> "EnsembleState":
        """The rows of another behind these."""
        return EnsembleState(tuple(one.join(more) for one, more in zip(self.states, other.states, strict=True)))


class Ensemble:
    """The mean of the members' probabilities, and of their weights.

        P(y) = 1/n Σ_i P_i(y)

    The logits of its steps are the logarithms of these means. Its state is an `EnsembleState`.

    Args:
        steps: the members' step functions, over one vocabulary and one segmentation of the source. Where some may look
            at the end mark of the source and others may not, these give it a weight of zero.
    """

    def __init__(self, steps: Sequence[StepFunction]) -> None:
        if not steps:
            raise ValueError("Ensemble: steps is empty; expected at least one step function. Give a model.")
        self.steps = tuple(steps)
        self.barred = next((found for step in steps if (found := barred(step)) is not None), None)

    def __call__(self, tokens: Int[Tensor, " rows"], state: EnsembleState) -> Step:
        """One step of every member. Raises ValueError if their vocabularies or sources differ in size."""
        answers = [step(tokens, one) for step, one in zip(self.steps, state.states, strict=True)]
        # A member to which end marks are hidden has no column for the longest of them, once it has left padding out.
        for name, spare in (("logits", 0), ("weights", 1)):
            sizes = {getattr(answer, name).size(1) for answer in answers}
            if max(sizes) - min(sizes) > spare:
                raise ValueError(
                    f"Ensemble: {name} of the members have widths {sorted(sizes)}; expected the same. "
                    "Put models together that share their tokenisers."
                )
        log_probs = torch.stack([answer.logits.float().log_softmax(1) for answer in answers])
        widest = max(answer.weights.size(1) for answer in answers)
        weights = torch.stack([F.pad(each.weights.float(), (0, widest - each.weights.size(1))) for each in answers])
        states = EnsembleState(tuple(answer.state for answer in answers))
        return Step(log_probs.logsumexp(0) - log(len(answers)), states, weights.mean(0), _mean_heads(answers, widest))


def _mean_heads(answers: Sequence[Step], width: int) -> tuple[Tensor, ...]:
    """The mean over the members, layer by layer and head by head; nothing where they have not as many of both, nor
    where there is one layer, which says no more than the weights."""
    sizes = {tuple(layer.size(1) for layer in answer.heads) for answer in answers}
    if len(sizes) > 1 or len(answers[0].heads) < 2:
        return ()
    layers = zip(*(answer.heads for answer in answers), strict=True)
    return tuple(
        torch.stack([F.pad(each.float(), (0, width - each.size(-1))) for each in layer]).mean(0) for layer in layers
    )
