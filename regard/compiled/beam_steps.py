"""A program over rows that come and go: room in which compiled code moves them by itself, step by step."""

import ctypes
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.compiled.records import Seen
from regard.compiled.step import Aimed, Steps
from regard.compiled.token_cache import Entered, Kept
from regard.kernels.library import kernels
from regard.kernels.operands import expect_numbers
from regard.kernels.structs import CourseRecord
from regard.recurrent.program import Tensors


def roomy(part: Tensor, rows: int) -> Tensor:
    """A copy with room for so many rows."""
    found = part.new_zeros(rows, *part.shape[1:])
    found[: len(part)] = part
    return found


class Course:
    """Steps of a program, one behind the other, for a search in compiled code. Before each it writes the rows that go
    on into `given`, `parents`, `picks`, `sources` and `continued`; behind it, it reads what was made of them.

    Args:
        steps: the program.
        entered: what it picks for each token.
        starts: the registers before the first step; they are copied.
        seen: what the program looks at.
        parents: the row of the starts that each row continues; None where each continues its own.
        room: rows, at most.

    Attributes:
        given: the registers before a step, under the names of what the step makes of them.
        parents: the row of these that each row continues; None where each needs one of its own.
        picks: the row of the tables that each row reads.
        sources, continued: the source that each row looks at, and that of each row of `given`.
        room, positions: rows and source positions, at most.
        begun: rows of `given` from which the first step begins.

    Raises ValueError for starts, sources or parents that do not fit, or more rows than there is room for.
    """

    def __init__(
        self,
        steps: Steps,
        entered: Entered,
        starts: Tensors,
        seen: Seen,
        parents: Int[Tensor, " rows"] | None,
        room: int,
    ) -> None:
        self._steps, self._entered, self._seen = steps, entered, seen
        expect_numbers("Course", "sources", seen.sources)
        steps.expect_starts(starts, len(seen.sources) if parents is None else None)
        if parents is not None:
            expect_numbers("Course", "parents", parents, len(seen.sources))
            count, numbers = next(len(part) for name, part in starts.items() if steps.knows(name)), parents.numpy()
            if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= count:
                raise ValueError(f"Course: a parent is no row of the starts; expected 0 to {count - 1}.")
        if room < len(seen.sources):
            raise ValueError(f"Course: there is room for {room} rows; expected {len(seen.sources)} or more.")
        known = {name: part for name, part in starts.items() if steps.knows(name)}
        if parents is not None and not steps.shares:
            known, parents = {name: part.index_select(0, parents) for name, part in known.items()}, None
        elif steps.shares and parents is None:
            parents = torch.arange(len(seen.sources))
        self.room, self.positions = room, seen.mask.size(1)
        self.begun = len(next(iter(known.values())))
        self._starts = {name: roomy(part, room) for name, part in known.items()}
        self.given = {name.removesuffix("-"): part for name, part in self._starts.items()}
        self.parents = None if parents is None else roomy(parents, room)
        self.sources = roomy(seen.sources, room)
        self.picks, self.continued = torch.zeros_like(self.sources), torch.zeros_like(self.sources)
        if parents is not None:
            self.continued[parents] = seen.sources
        self._kept: Kept | None = None

    def aim(self, tokens: Int[np.ndarray, " rows"]) -> "Aim | None":
        """Look up what these tokens add; None where all is where it was when this was last asked."""
        kept, _ = self._entered(tokens)
        if kept is self._kept:
            return None
        seen = replace(self._seen, sources=self.sources, continued=self.continued)
        self._kept = kept
        return Aim(self._steps.aimed(self._starts | kept.tables, seen, self.parents, self.picks), self._steps, kept)


class Aim:
    """Where compiled code finds the steps of a course.

    Attributes:
        function: the address of what moves rows, see c/decoder_step.c.
        given: the address of what it takes first.
        slots: the row of the tables for each token; below 0 for those that they do not hold.
        made: the registers behind a step.
        features: which of them tokens are chosen by.
    """

    def __init__(self, aimed: Aimed, steps: Steps, kept: Kept) -> None:
        self._record = CourseRecord(aimed.address, steps.shared.ctypes.data, aimed.count)
        self._aimed = aimed  # what the record points to
        self.function = kernels().address("course_step")
        self.given = ctypes.addressof(self._record)
        self.slots = kept.slots
        self.made = aimed.outputs
        self.features = aimed.outputs[steps.outputs[0]]

    def expect(self, columns: int, depth: int) -> None:
        """Raise ValueError unless it goes on from any of so many tokens, and leaves so many features."""
        if columns > len(self.slots) or depth != self.features.size(1):
            raise ValueError(
                f"Aim: tokens are chosen from {columns} by {depth} features; expected at most {len(self.slots)}, by "
                f"{self.features.size(1)}."
            )
