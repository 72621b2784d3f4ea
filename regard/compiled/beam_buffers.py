"""The state of a beam in memory that compiled code changes itself, step by step."""

import ctypes
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.compiled.records import StepSource
from regard.compiled.step import PreparedStep, Steps
from regard.compiled.token_cache import CachedTokens, TokenCache
from regard.kernels.library import kernels
from regard.kernels.operands import expect_numbers
from regard.kernels.structs import BeamProgramRecord
from regard.recurrent.program import Tensors


def with_capacity(part: Tensor, rows: int) -> Tensor:
    """A copy with memory for so many rows."""
    found = part.new_zeros(rows, *part.shape[1:])
    found[: len(part)] = part
    return found


class BeamBuffers:
    """What the steps of a beam read, as many rows as it may ever have. Before each step compiled code writes the
    hypotheses that go on into `given`, `parents`, `picks`, `sources` and `continued`; after it, it reads the outputs.

    Args:
        steps: the program.
        cache: what each token adds.
        starts: the registers before the first step; they are copied.
        source: what the program attends to.
        parents: the row of the starts that each row continues; None where each continues its own.
        capacity: rows, at most.

    Attributes:
        given: the registers before a step, under the names of what the step makes of them.
        parents: the row of these that each row continues; None where each needs one of its own.
        picks: the row of the tables that each row reads.
        sources, continued: the source that each row attends to, and that of each row of `given`.
        capacity, positions: rows and source positions, at most.
        rows_given: rows of `given` from which the first step begins.

    Raises ValueError for starts, sources or parents that do not fit, or more rows than the capacity.
    """

    def __init__(
        self,
        steps: Steps,
        cache: TokenCache,
        starts: Tensors,
        source: StepSource,
        parents: Int[Tensor, " rows"] | None,
        capacity: int,
    ) -> None:
        self._steps, self._cache, self._source = steps, cache, source
        expect_numbers("BeamBuffers", "sources", source.sources)
        steps.expect_starts(starts, len(source.sources) if parents is None else None)
        known = {name: part for name, part in starts.items() if steps.knows(name)}
        if parents is not None:
            expect_numbers("BeamBuffers", "parents", parents, len(source.sources))
            count, numbers = len(next(iter(known.values()))), parents.numpy()
            if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= count:
                raise ValueError(f"BeamBuffers: a parent is no row of the starts; expected 0 to {count - 1}.")
        if capacity < len(source.sources):
            raise ValueError(f"BeamBuffers: capacity is {capacity}; expected {len(source.sources)} or more.")
        if parents is not None and not steps.shares:
            known, parents = {name: part.index_select(0, parents) for name, part in known.items()}, None
        elif steps.shares and parents is None:
            parents = torch.arange(len(source.sources))
        self.capacity, self.positions = capacity, source.mask.size(1)
        self.rows_given = len(next(iter(known.values())))
        self._starts = {name: with_capacity(part, capacity) for name, part in known.items()}
        self.given = {name.removesuffix("-"): part for name, part in self._starts.items()}
        self.parents = None if parents is None else with_capacity(parents, capacity)
        self.sources = with_capacity(source.sources, capacity)
        self.picks, self.continued = torch.zeros_like(self.sources), torch.zeros_like(self.sources)
        if parents is not None:
            self.continued[parents] = source.sources
        self._cached: CachedTokens | None = None

    def prepare(self, tokens: Int[np.ndarray, " rows"]) -> "PreparedBeam | None":
        """Look up what these tokens add; None where everything lies where it lay at the last call."""
        cached, _ = self._cache(tokens)
        if cached is self._cached:
            return None
        source = replace(self._source, sources=self.sources, continued=self.continued)
        self._cached = cached
        step = self._steps.prepared(self._starts | cached.tables, source, self.parents, self.picks)
        return PreparedBeam(step, self._steps, cached)


class PreparedBeam:
    """Where compiled code finds the steps of a beam.

    Attributes:
        function: the address of what takes a step, see c/decoder_step.c.
        given: the address of what it takes first.
        slots: the row of the tables for each token; below 0 for those that they do not hold.
        made: the registers after a step.
        features: which of them tokens are chosen by.
    """

    def __init__(self, step: PreparedStep, steps: Steps, cached: CachedTokens) -> None:
        self._record = BeamProgramRecord(step.address, steps.shared.ctypes.data, step.count)
        self._step = step  # what the record points to
        self.function = kernels().address("beam_program_step")
        self.given = ctypes.addressof(self._record)
        self.slots = cached.slots
        self.made = step.outputs
        self.features = step.outputs[steps.outputs[0]]

    def expect(self, columns: int, depth: int) -> None:
        """Raise ValueError unless it can go on from any of so many tokens, and leaves so many features."""
        if columns > len(self.slots) or depth != self.features.size(1):
            raise ValueError(
                f"PreparedBeam: tokens are chosen from {columns} by {depth} features; expected at most "
                f"{len(self.slots)}, by {self.features.size(1)}."
            )
