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
from regard.recurrent.program import Linear, Look, Program, Tensors

WORD = ctypes.sizeof(ctypes.c_int64)
RECORD = ctypes.sizeof(OperationRecord) // WORD
SEEN = ("keys", "powers", "values", "mask")


@dataclass(frozen=True)
class Seen:
    """What the rows of a program look at.

    Args:
        keys, values, mask: of all sources; True where a position is real.
        sources: which of them each row looks at.
        powers: what `steps.powers` made of the keys, once for all steps.
        continued: which of them is looked at by the rows that continue each; found out where it is not given.
    """

    keys: Float[Tensor, "batch source key"]
    values: Float[Tensor, "batch source value"]
    mask: Bool[Tensor, "batch source"]
    sources: Int[Tensor, " rows"]
    powers: Float[Tensor, "batch source power"]
    continued: Int[Tensor, " continued"] | None = None

    def fits(self, looked: set[tuple[int, int]]) -> bool:
        """Whether compiled code may read this for looks with keys and values so wide."""
        keys, values, mask, powers, sources = self.keys, self.values, self.mask, self.powers, self.sources
        for each in (keys, values, powers):
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
            and powers.shape == (batch, positions, -(-key // GROUP) * GROUP)
            and values.shape[:2] == mask.shape
            and looked == {(key, values.size(2))}
        )

    def told(self) -> str:
        """What was given, in words."""
        return ", ".join(f"{name} {told(getattr(self, name))}" for name in (*SEEN, "sources"))


class Records:
    """The records of a program; what no step changes is written once.

    Args:
        program: the operations.
        widths: features of every register; what is wrong for those over the source is set with what is looked at.
        shared: registers with a row for each parent.
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
        # The words that each step sets, and to what: to the address of a register, or to what `aimed` finds under a
        # name with an @.
        changes: list[tuple[int, str]] = []
        for number, (operation, to) in enumerate(zip(program, written, strict=True)):
            group = "@shared " if operation.into in shared else "@"
            changed = {OperationRecord.count.offset: group + "rows"}
            to.kind = KINDS.index(type(operation))
            for field, name in fields(operation).items():
                if field == "saved":  # for a way back
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
            elif isinstance(operation, Look):
                to.vector = weights["vector"].data_ptr()
                changed |= {getattr(OperationRecord, name).offset: f"@{name}" for name in (*SEEN, "positions")}
                changed[OperationRecord.sources.offset] = group + "sources"
                changed[OperationRecord.source_count.offset] = "@source count"
                changed[OperationRecord.other.offset + Array.width.offset] = "@positions"
            changes += [(number * RECORD + offset // WORD, name) for offset, name in changed.items()]
        self._words = np.frombuffer(bytes(written), np.int64)
        self._places = np.array([place for place, _ in changes])
        self._names = [name for _, name in changes]
        self._shares_sources = "@shared sources" in self._names

    def aimed(
        self,
        registers: Mapping[str, int],
        rows: int,
        few: int,
        tables: Mapping[str, int],
        seen: Seen | None,
        parents: Int[Tensor, " rows"] | None,
        picks: Int[Tensor, " rows"] | None,
    ) -> tuple[Int[np.ndarray, " words"], Tensors]:
        """The records of one step, and whatever they point to besides the registers.

        Args:
            registers: their addresses.
            rows: of the step.
            few: of what they share.
            tables: rows of each register that is picked from.
            seen, parents, picks: as in `Steps`.
        """
        numbers = {**registers, "@rows": rows, "@shared rows": few, "@parents": 0}
        numbers |= {f"#{name}": count for name, count in tables.items()}
        alive: Tensors = {}
        if parents is not None:
            alive["@parents"] = parents.contiguous()
        if picks is not None:
            alive["@picks"] = picks.contiguous()
        if seen is not None:
            alive |= {f"@{name}": getattr(seen, name).contiguous() for name in SEEN}
            alive["@sources"] = alive["@shared sources"] = seen.sources.contiguous()
            if seen.continued is not None:
                alive["@shared sources"] = seen.continued.contiguous()
            elif parents is not None and self._shares_sources:
                alive["@shared sources"] = seen.sources.new_zeros(few).index_copy_(0, parents, seen.sources)
            numbers["@source count"], numbers["@positions"] = seen.mask.shape
            if len(seen.sources) != rows or len(alive["@shared sources"]) < (few if self._shares_sources else 0):
                raise ValueError(f"Steps: {len(seen.sources)} sources; expected one for each of {rows} rows.")
        numbers |= {name: part.data_ptr() for name, part in alive.items()}
        words = self._words.copy()
        words[self._places] = [numbers[name] for name in self._names]
        return words, alive
