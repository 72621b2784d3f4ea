"""A program one step at a time, over weights that no longer change: what a search calls between two choices."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.native import KINDS, OperationRecord, fields
from regard.unroll.panels import pack
from regard.unroll.program import Gru, Linear, Look, Lstm, Program, Tanh, Tensors

SOURCE = Path(__file__).with_name("steps.c")
LIBRARY = Path(__file__).with_name("libsteps.so")
MOST = 64  # as in steps.c
POSITIONS = -1
WORD = ctypes.sizeof(ctypes.c_int64)
RECORD = ctypes.sizeof(OperationRecord) // WORD


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


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


def steps_serve(*tensors: Tensor) -> bool:
    """Whether compiled code takes steps over these weights."""
    return (
        all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors)
        and kernels().library is not None
    )


class Steps:
    """A program in compiled code, whose weights are laid out once. Single precision, CPU, no gradient.

    Args:
        program: what one step does, in at most `MOST` operations.
        weights: its parameters, but for keys and values; they are read once.
        outputs: the registers that a step returns.
    """

    def __init__(self, program: Program, weights: Tensors, outputs: Sequence[str]) -> None:
        if len(program) > MOST:
            raise ValueError(f"Steps: the program has {len(program)} operations; expected at most {MOST}. Split it.")
        self.outputs = tuple(outputs)
        matrices = dict.fromkeys(operation.weight for operation in program if isinstance(operation, Linear))
        self.panels = {name: pack(weights[name]) for name in matrices}
        self.vectors = {name: each.detach().contiguous() for name, each in weights.items() if name not in matrices}
        self._widths = _widths(program, weights)
        self._records = self._describe(program)
        self._places = [
            (number * RECORD + getattr(OperationRecord, field).offset // WORD, name)
            for number, operation in enumerate(program)
            for field, name in fields(operation).items()
        ]
        self._looks = [number for number, operation in enumerate(program) if isinstance(operation, Look)]

    def takes(self, tensor: Tensor) -> bool:
        """Whether a step may be taken with this and what belongs to it."""
        return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_grad_enabled()

    def __call__(self, registers: Tensors, seen: Seen | None = None) -> Tensors:
        """One step of every row.

        Args:
            registers: inputs, and starts under their names with the minus; (rows, width).
            seen: what the program looks at, if it does.

        Returns the outputs.
        """
        given = {name: registers[name].contiguous() for name in registers if name in self._widths}
        first = next(iter(given.values()))
        rows, widths = len(first), self._widths
        if seen is not None:
            widths = {name: seen.mask.size(1) if width == POSITIONS else width for name, width in widths.items()}
        for name, register in given.items():
            if register.shape != (rows, widths[name]):
                raise ValueError(f"Steps: {name} is {tuple(register.shape)}; expected {(rows, widths[name])}.")
        found = {name: first.new_empty(rows, widths[name]) for name in self.outputs}
        others = {name: width for name, width in widths.items() if name not in found and name not in given}
        scratch = first.new_empty(rows * sum(others.values()))
        pointers = {name: tensor.data_ptr() for name, tensor in (found | given).items()}
        pointers |= _apart(others, rows * first.element_size(), scratch.data_ptr())
        records = type(self._records).from_buffer_copy(self._records)
        words = (ctypes.c_int64 * (RECORD * len(records))).from_buffer(records)
        for number, name in self._places:
            words[number] = pointers[name]
        alive = [self._aim(records[number], seen) for number in self._looks if seen is not None]
        kernel, threads = kernels(), torch.get_num_threads()
        kernel.library.regard_step(records, len(records), rows, kernel.fast, threads, kernel.team)
        del alive, scratch
        return found

    def _describe(self, program: Program) -> Any:
        """What no step changes."""
        records = (OperationRecord * len(program))()
        for operation, to in zip(program, records, strict=True):
            to.kind = KINDS.index(type(operation))
            for field, name in fields(operation).items():
                getattr(to, field).width = self._widths[name]
            if isinstance(operation, Linear):
                to.panels = self.panels[operation.weight].data_ptr()
                to.bias = self.vectors[operation.bias].data_ptr() if operation.bias else None
            elif isinstance(operation, Look):
                to.vector = self.vectors["vector"].data_ptr()
        return records

    def _aim(self, to: OperationRecord, seen: Seen) -> tuple[Tensor, ...]:
        """Point to what is looked at; returns it."""
        parts = tuple(part.contiguous() for part in (seen.keys, seen.values, seen.mask, seen.sources))
        to.keys, to.values, to.mask, to.sources = (part.data_ptr() for part in parts)
        to.positions = to.other.width = seen.mask.size(1)
        return parts


def _apart(widths: dict[str, int], size: int, place: int) -> dict[str, int]:
    """Where registers begin that lie one behind the other from a place on; `size` bytes for each unit of width."""
    places = {}
    for name, width in widths.items():
        places[name] = place
        place += size * width
    return places


def _widths(program: Program, weights: Tensors) -> dict[str, int]:
    """Features of every register; those of weights over the source are `POSITIONS`."""
    widths: dict[str, int] = {}
    for operation in program:
        if isinstance(operation, Linear):
            width, depth = weights[operation.weight].shape
            widths |= dict.fromkeys([operation.into, operation.plus or operation.into], width)
            widths[operation.source] = depth
    for operation in program:
        match operation:
            case Gru(gates, moved, before, into):
                size = widths[moved] // 3
                widths |= {gates: 3 * size, before: size, into: size, f"{into}.saved": 3 * size}
            case Lstm(gates, memory, into):
                size = widths[gates] // 4
                widths |= {memory: size, f"{memory}-": size, into: size, f"{into}.saved": 4 * size}
            case Tanh(source, into):
                widths[into] = widths[source]
            case Look(_, over, _):
                widths[over] = POSITIONS
            case _:
                pass
    return widths


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_step.argtypes = [pointer, size, size, number, number, pointer]
    library.regard_step.restype = None
