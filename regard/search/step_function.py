"""What a search chooses from: the best tokens of every row, however the step function comes to them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from regard.compiled.beam_steps import Course
from regard.decoders.following import Best, Several, follow_one_by_one
from regard.decoders.output import Output as OutputLayer
from regard.decoders.step import Advance, Step
from regard.kernels.topk import Finder, best_of

StepFunction = Callable[[Tensor, Any], Step]
"""`step(tokens, state) → Step`, one token per row of the state. All that a search has to know of a model.

A step function with a token that is never put out, beside padding and the begin mark, names it as `barred`. One that
finds the best tokens faster than by all logits has a method `best(tokens, state, width) → Choices` besides. One that
can take several steps of a greedy search at once has `walk(tokens, state, most) → Walked`, and one that compiled code
can move by itself has `unattended(state, room) → Unattended`; both give None where they cannot, or would not be
faster."""

MOST_STEPS = 256
"""More are not taken at once: what they came to is kept until they are over."""


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


@dataclass(frozen=True)
class Walked:
    """Some steps, and of each the token that came of it. No row ends before the last.

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

    @classmethod
    def one(cls, found: Choices) -> "Walked":
        """A single step, from which one token was taken."""
        return cls(found.tokens, found.log_probs, found.state, found.weights.unsqueeze(1))


@dataclass(frozen=True)
class Unattended:
    """A model that a search in compiled code moves by itself.

    Args:
        course: what moves it, with room for rows.
        finder: what finds the best tokens of each.
        marks: further numbers that hypotheses pass on, with the same room.
        after: `after(origins, continued, steps)`, the state behind so many steps; see `Several.after`.
    """

    course: Course
    finder: Finder
    marks: tuple[Int[Tensor, " room"], ...]
    after: Callable[[Tensor, int, int], Any]


def best(step: StepFunction, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
    """One step and its `width` best tokens, among equals the lower number first."""
    find = getattr(step, "best", None)
    if find is not None:
        return find(tokens, state, width)
    answer = step(tokens, state)
    log_probs, chosen = best_of(answer.logits, width, barred(step))
    return Choices(chosen, log_probs, answer.state, answer.weights)


def barred(step: StepFunction) -> int | None:
    """The token that never comes of these steps, if there is one."""
    return getattr(step, "barred", None)


class PlainStep:
    """A step function from a decoder without its output layer, and any such layer.

    Args:
        advance: `advance(tokens, state)`, up to the output layer.
        output: the layer.
        barred: a token that is never put out.
    """

    def __init__(
        self, advance: Callable[[Tensor, Any], Advance], output: OutputLayer, barred: int | None = None
    ) -> None:
        self.advance = advance
        self.output = output
        self.barred = barred

    def __call__(self, tokens: Int[Tensor, " rows"], state: Any) -> Step:
        """One step, with all logits."""
        moved = self.advance(tokens, state)
        return Step(self.output.logits(moved), moved.state, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
        """One step, with its best tokens."""
        moved = self.advance(tokens, state)
        log_probs, chosen = self.output.topk(moved, width, self.barred)
        return Choices(chosen, log_probs, moved.state, moved.weights)


@runtime_checkable
class Output(Protocol):
    """An output layer that finds its best tokens."""

    barred: int | None

    def argmax(self, rows: int) -> Best | None:
        """What finds the best token of so many rows faster, if anything does."""

    def project(self, features: Float[Tensor, "rows features"]) -> Float[Tensor, "rows vocab"]:
        """Logits."""

    def best(self, features: Float[Tensor, "rows features"], width: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities and numbers of the best tokens."""

    def finder(self) -> Finder | None:
        """What finds them in compiled code, if anything does."""


class ProjectedStep:
    """A step function from a decoder without its output layer, and this.

    Args:
        advance: `advance(tokens, state)`, up to the output layer.
        output: the layer.
        several: takes several steps in one call, if anything does.
    """

    def __init__(
        self, advance: Callable[[Tensor, Any], Advance], output: Output, several: Several | None = None
    ) -> None:
        self.advance = advance
        self.output = output
        self.barred = output.barred
        self.several = several
        self.follow = several.follow if several else partial(follow_one_by_one, advance)

    def __call__(self, tokens: Int[Tensor, " rows"], state: Any) -> Step:
        """One step, with all logits."""
        moved = self.advance(tokens, state)
        return Step(self.output.project(moved.features), moved.state, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: Any, width: int) -> Choices:
        """One step, with its best tokens."""
        moved = self.advance(tokens, state)
        log_probs, chosen = self.output.best(moved.features, width)
        return Choices(chosen, log_probs, moved.state, moved.weights)

    def walk(self, tokens: Int[Tensor, " rows"], state: Any, most: int) -> Walked | None:
        """Greedy steps of few rows, at most so many and until a row ends. Which token is the best is found by reading a
        part of the layer, and how probable the tokens are by reading it once for all steps."""
        argmax = self.output.argmax(len(tokens))
        found = None if argmax is None else self.follow(argmax, tokens, state, min(most, MOST_STEPS))
        if found is None:
            return None
        log_probs, _ = self.output.best(found.features.flatten(0, 1), 1)
        return Walked(found.tokens, log_probs.view(found.tokens.shape), found.state, found.weights)

    def unattended(self, state: Any, room: int) -> Unattended | None:
        """For so many rows."""
        if self.several is None:
            return None
        course, finder = self.several.course(state, room), self.output.finder()
        if course is None or finder is None:
            return None
        return Unattended(course, finder, (), partial(self.several.after, state, course))
