"""A program as the compiled code of single steps reads it."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.kernels.layout import GROUP
from regard.kernels.operands import told
from regard.kernels.structs import Array, OperationRecord
from regard.recurrent.native_backend import KINDS, fields
from regard.recurrent.program import Attend, Linear, Program, Tensors

WORD = ctypes.sizeof(ctypes.c_int64)
RECORD = ctypes.sizeof(OperationRecord) // WORD
SOURCE_FIELDS = ("keys", "exp_keys", "values", "mask")


@dataclass(frozen=True)
class StepSource:
    """What the rows of a program attend to.

    Args:
        keys, values, mask: of all sources; True where a position is real.
        sources: which of them each row attends to.
        exp_keys: what `step.exp_keys` made of the keys, once for all steps.
        continued: to which of them the rows attend that continue each row of the state; found out where it is not
            given.
    """

    keys: Float[Tensor, "batch source key"]
    values: Float[Tensor, "batch source value"]
    mask: Bool[Tensor, "batch source"]
    sources: Int[Tensor, " rows"]
    exp_keys: Float[Tensor, "batch source padded"]
    continued: Int[Tensor, " continued"] | None = None

    def fits(self, widths: set[tuple[int, int]]) -> bool:
        """Whether compiled code may read this for attention with keys and values so wide."""
        keys, values, mask, exp_keys, sources = self.keys, self.values, self.mask, self.exp_keys, self.sources
        for each in (keys, values, exp_keys):
            if not (isinstance(each, Tensor) and each.dtype is torch.float32 and each.is_cpu and each.dim() == 3):
                return False
        for each in (sources, sources if self.continued is None else self.continued):
            if not (isinstance(each, Tensor) and each.dtype is torch.int64 and each.is_cpu and each.dim() == 1):
                return False
        if not (isinstance(mask, Tensor) and mask.dtype is torch.bool and mask.is_cpu and mask.dim() == 2):
            return False
        batch, positions, key = keys.shape
        return (
            mask.shape == (batch, positions)
            and exp_keys.shape == (batch, positions, -(-key // GROUP) * GROUP)
            and values.shape[:2] == mask.shape
            and widths == {(key, values.size(2))}
        )

    def told(self) -> str:
        """What was given, in words."""
        return ", ".join(f"{name} {told(getattr(self, name))}" for name in (*SOURCE_FIELDS, "sources"))


class Records:
    """The records of a program; what no step changes is written once.

    Args:
        program: the operations.
        widths: features of every register; that of weights over the source is set at each step.
        shared: registers with a row for each row of the state, which several rows of the step may continue.
        picked: registers of which each row of the step reads any one.
        weights: panels under the names of matrices, and vectors.
    """

    def __init__(
        self,
        program: Program,
        widths: Mapping[str, int],
        shared: frozenset[str],
        picked: frozenset[str],
        weights: Tensors,
    ) -> None:
        self.weights = weights  # what the records point to
        self.count = len(program)
        self.shared = np.array([operation.into in shared for operation in program], dtype=np.int8)
        written = (OperationRecord * self.count)()
        # The words that each step sets, and to what: to the address of a register, or to what `at` finds under a name
        # with an @.
        changes: list[tuple[int, str]] = []
        for number, (operation, to) in enumerate(zip(program, written, strict=True)):
            group = "@shared " if operation.into in shared else "@"
            changed = {OperationRecord.count.offset: group + "rows"}
            to.kind = KINDS.index(type(operation))
            for field, name in fields(operation).items():
                if field == "saved":  # for the backward pass
                    continue
                getattr(to, field).width = widths[name]
                array = getattr(OperationRecord, field).offset
                changed[array + Array.data.offset] = name
                if name in shared and operation.into not in shared:
                    changed[array + Array.rows.offset] = "@parents"
                    changed[array + Array.height.offset] = "@shared rows"
                if name in picked:
                    changed[array + Array.rows.offset] = "@picks"
                    changed[array + Array.height.offset] = f"#{name}"
            if isinstance(operation, Linear):
                to.panels = weights[operation.weight].data_ptr()
                to.bias = weights[operation.bias].data_ptr() if operation.bias else None
            elif isinstance(operation, Attend):
                to.vector = weights["vector"].data_ptr()
                changed |= {getattr(OperationRecord, name).offset: f"@{name}" for name in (*SOURCE_FIELDS, "positions")}
                changed[OperationRecord.sources.offset] = group + "sources"
                changed[OperationRecord.source_count.offset] = "@source count"
                changed[OperationRecord.other.offset + Array.width.offset] = "@positions"
            changes += [(number * RECORD + offset // WORD, name) for offset, name in changed.items()]
        self._words = np.frombuffer(bytes(written), np.int64)
        self._places = np.array([place for place, _ in changes])
        self._names = [name for _, name in changes]
        self._shares_sources = "@shared sources" in self._names

    def at(
        self,
        registers: Mapping[str, int],
        rows: int,
        continued: int,
        tables: Mapping[str, int],
        source: StepSource | None,
        parents: Int[Tensor, " rows"] | None,
        picks: Int[Tensor, " rows"] | None,
    ) -> tuple[Int[np.ndarray, " words"], Tensors]:
        """The records of one step, and whatever they point to besides the registers.

        Args:
            registers: their addresses.
            rows: of the step.
            continued: of the state that they continue.
            tables: rows of each register that is picked from.
            source, parents, picks: as in `Steps`.
        """
        numbers = {**registers, "@rows": rows, "@shared rows": continued, "@parents": 0}
        numbers |= {f"#{name}": count for name, count in tables.items()}
        alive: Tensors = {}
        if parents is not None:
            alive["@parents"] = parents.contiguous()
        if picks is not None:
            alive["@picks"] = picks.contiguous()
        if source is not None:
            alive |= {f"@{name}": getattr(source, name).contiguous() for name in SOURCE_FIELDS}
            alive["@sources"] = alive["@shared sources"] = source.sources.contiguous()
            if source.continued is not None:
                alive["@shared sources"] = source.continued.contiguous()
            elif parents is not None and self._shares_sources:
                alive["@shared sources"] = source.sources.new_zeros(continued).index_copy_(0, parents, source.sources)
            numbers["@source count"], numbers["@positions"] = source.mask.shape
            if len(source.sources) != rows or len(alive["@shared sources"]) < (
                continued if self._shares_sources else 0
            ):
                raise ValueError(f"Steps: {len(source.sources)} sources; expected one for each of {rows} rows.")
        numbers |= {name: part.data_ptr() for name, part in alive.items()}
        words = self._words.copy()
        words[self._places] = [numbers[name] for name in self._names]
        return words, alive
