"""Steps that each take the best token of the one before: in compiled code, or one by one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.compiled.beam_steps import Course
from regard.compiled.greedy_steps import follow as follow_steps
from regard.data.batch import END
from regard.decoders.looking import Looking
from regard.decoders.loops import Stepping, moved, seen, starts
from regard.decoders.recurrence import Cells
from regard.decoders.state import AttentiveState, Rows
from regard.decoders.step import Advance, Followed
from regard.kernels.structs import Chooser


@runtime_checkable
class Best(Protocol):
    """What finds the best token of each row."""

    @property
    def chooser(self) -> Chooser:
        """For compiled code."""

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """None where there is none."""


def follow_one_by_one(
    advance: Callable[[Tensor, Any], Advance], best: Best, tokens: Int[Tensor, " rows"], state: Any, most: int
) -> Followed | None:
    """For any decoder: at most so many steps, fewer where a row comes to `END`; None where there is no best token."""
    steps, chosen = list[Advance](), list[Tensor]()
    while len(steps) < most and not (chosen and (tokens == END).any()):
        steps.append(advance(tokens, state))
        found = best(steps[-1].features)
        if found is None:
            return None
        chosen.append(found)
        tokens, state = found, steps[-1].state
    features, weights = (torch.stack([getattr(step, name) for step in steps], 1) for name in ("features", "weights"))
    return Followed(torch.stack(chosen, 1), features, state, weights)


class Several:
    """Several steps in one call, of a decoder that `comes_to_features`."""

    def __init__(self, decoder: Any) -> None:
        self._stepping: Stepping = decoder.steps

    def follow(self, best: Best, tokens: Int[Tensor, " rows"], looking: Looking, most: int) -> Followed | None:
        """As `follow_one_by_one`."""
        state, source, steps = looking.state.apart(), looking.source, self._stepping.steps
        before, at = starts(state), seen(source, state)
        found = follow_steps(steps, self._stepping.entered, tokens, before, at, most, best.chooser)
        if found is None:
            return None
        chosen, registers = found
        features, last = registers[steps.outputs[0]], {name: part[-1] for name, part in registers.items()}
        after = Looking(moved(last, features[-1], state, len(chosen)), source)
        return Followed(chosen.t(), features.transpose(0, 1), after, registers["weights"].transpose(0, 1))

    def course(self, looking: Looking, room: int) -> Course | None:
        """Room for so many rows of the state, in which compiled code goes on by itself; None where it cannot."""
        state, stepping = looking.state, self._stepping
        if (
            not stepping.takes(state) or stepping.steps.shares_outputs
        ):  # a search reads a row of each for every hypothesis
            return None
        at = seen(looking.source, state)
        return Course(stepping.steps, stepping.entered, starts(state), at, state.parents, room)

    def after(
        self, looking: Looking, course: Course, origins: Int[Tensor, " rows"], continued: int, steps: int
    ) -> Looking:
        """The state behind so many steps of a course.

        Args:
            looking: the state before them.
            origins: the row of this that each row comes from.
            continued: how many rows of the cells they continue.
        """
        state, given, rows = looking.state, course.given, len(origins)
        hidden = given["state"][:continued]
        memory, fed = (given.get(name, hidden[:, :0])[:continued] for name in ("memory", "fed"))
        return replace(
            looking,
            state=AttentiveState(
                Cells(hidden.unsqueeze(1), memory.unsqueeze(1)),
                fed,
                state.past.select(origins),
                Rows(course.sources[:rows], state.rows.count),
                None if course.parents is None else course.parents[:rows],
                state.steps + steps,
            ),
        )


def comes_to_features(decoder: Any) -> bool:
    """Whether the decoder has a program for steps that the output layer can follow at once."""
    stepping: Stepping | None = getattr(decoder, "steps", None)
    if stepping is None:
        return False
    return stepping.steps.width(stepping.steps.outputs[0]) == decoder.tokens.feature_size
