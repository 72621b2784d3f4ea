"""A program as the compiled code of single steps reads it."""

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.unroll.native import KINDS, Array, OperationRecord, fields
from regard.unroll.program import Linear, Look, Program, Tensors

WORD = ctypes.sizeof(ctypes.c_int64)
RECORD = ctypes.sizeof(OperationRecord) // WORD
ROWS = Array.rows.offset // WORD


@dataclass(frozen=True)
class Seen:
    """What the rows of a program look at.

    Args:
        keys, values, mask: of all sources; True where a position is real.
        sources: which of them each row looks at.
    """

    keys: Float[Tensor, "batch source key"]
    values: Float[Tensor, "batch source value"]
    mask: Bool[Tensor, "batch source"]
    sources: Int[Tensor, " rows"]


class Records:
    """The records of a program; what no step changes is written once.

    Args:
        program: the operations.
        widths: features of every register; what is wrong for those over the source is set with what is looked at.
        shared: registers with a row for each parent.
        weights: panels under the names of matrices, and vectors.
    """

    def __init__(self, program: Program, widths: Mapping[str, int], shared: frozenset[str], weights: Tensors) -> None:
        self.weights = weights  # what the records point to
        self.written = (OperationRecord * len(program))()
        self.places: list[tuple[int, str]] = []
        self.crossings: list[int] = []
        self.intos = [operation.into for operation in program]
        self.looks = [(at, each.into in shared) for at, each in enumerate(program) if isinstance(each, Look)]
        for number, (operation, to) in enumerate(zip(program, self.written, strict=True)):
            to.kind = KINDS.index(type(operation))
            for field, name in fields(operation).items():
                getattr(to, field).width = widths[name]
                place = number * RECORD + getattr(OperationRecord, field).offset // WORD
                self.places.append((place, name))
                if name in shared and operation.into not in shared:
                    self.crossings.append(place + ROWS)
            if isinstance(operation, Linear):
                to.panels = weights[operation.weight].data_ptr()
                to.bias = weights[operation.bias].data_ptr() if operation.bias else None
            elif isinstance(operation, Look):
                to.vector = weights["vector"].data_ptr()

    @contextmanager
    def aimed(
        self,
        pointers: Mapping[str, int],
        shapes: Mapping[str, tuple[int, int]],
        seen: Seen | None,
        parents: Int[Tensor, " rows"] | None,
    ) -> Iterator[Any]:
        """The records of one step, and for as long whatever they point to besides the registers."""
        records = type(self.written).from_buffer_copy(self.written)
        words = (ctypes.c_int64 * (RECORD * len(records))).from_buffer(records)
        for place, name in self.places:
            words[place] = pointers[name]
        for record, into in zip(records, self.intos, strict=True):
            record.count = shapes[into][0]
        if parents is not None:
            for place in self.crossings:
                words[place] = parents.data_ptr()
        alive = [self._aim(records[at], seen, parents if shared else None) for at, shared in self.looks if seen]
        yield records
        del alive

    def _aim(self, to: OperationRecord, seen: Seen, parents: Int[Tensor, " rows"] | None) -> tuple[Tensor, ...]:
        """Point to what is looked at; returns it."""
        sources = seen.sources
        if parents is not None:  # rows that continue the same one look at the same source
            sources = sources.new_zeros(to.count).index_copy_(0, parents, sources)
        parts = tuple(part.contiguous() for part in (seen.keys, seen.values, seen.mask, sources))
        to.keys, to.values, to.mask, to.sources = (part.data_ptr() for part in parts)
        to.positions = to.other.width = seen.mask.size(1)
        return parts
