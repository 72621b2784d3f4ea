"""What a search chooses from: the best tokens of every row, however the step function comes to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from regard.decoders.step import Advance, Step
from regard.output.best import best_of

StepFunction = Callable[[Tensor, Any], Step]
"""`step(tokens, state) → Step`, one token per row of the state. All that a search has to know of a model.

A step function that finds the best tokens faster than by all logits has a method `best(tokens, state, width) → Choices`
besides."""


@dataclass(frozen=True)
class Choices:
    """One step, and the tokens that may come next.

    Args:
        tokens: of every row, best first.
        log_probs: of these tokens; NaN in a row that is no distribution.
        state, weights: as in `Step`.
    """

    tokens: Int[Tensor, "rows width"]
    log_probs: Float[Tensor, "rows width"]
    state: Any
    weights: Float[Tensor, "rows source"]


def best(step: StepFunction, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
    """One step and its `width` best tokens, among equals the lower number first."""
    find = getattr(step, "best", None)
    if find is not None:
        return find(tokens, state, width)
    answer = step(tokens, state)
    log_probs, chosen = best_of(answer.logits, width)
    return Choices(chosen, log_probs, answer.state, answer.weights)


@runtime_checkable
class Output(Protocol):
    """An output layer that finds its best tokens."""

    def project(self, features: Float[Tensor, "rows features"]) -> Float[Tensor, "rows vocab"]:
        """Logits."""

    def best(self, features: Float[Tensor, "rows features"], width: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities and numbers of the best tokens."""


class ProjectedStep:
    """A step function from a decoder without its output layer, and this.

    Args:
        advance: `advance(tokens, state)`, up to the output layer.
        output: the layer.
    """

    def __init__(self, advance: Callable[[Tensor, Any], Advance], output: Output) -> None:
        self.advance = advance
        self.output = output

    def __call__(self, tokens: Int[Tensor, " rows"], state: Any) -> Step:
        """One step, with all logits."""
        moved = self.advance(tokens, state)
        return Step(self.output.project(moved.features), moved.state, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
        """One step, with its best tokens."""
        moved = self.advance(tokens, state)
        log_probs, chosen = self.output.best(moved.features, width)
        return Choices(chosen, log_probs, moved.state, moved.weights)
