"""A program one step at a time, over weights that no longer change: what a search calls between two choices."""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.native import OperationRecord, describe
from regard.unroll.panels import pack
from regard.unroll.program import Gru, Linear, Look, Lstm, Program, Tensors, packed

SOURCE = Path(__file__).with_name("steps.c")
LIBRARY = Path(__file__).with_name("libsteps.so")
MOST = 64  # as in steps.c


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
    """

    def __init__(self, program: Program, weights: Tensors) -> None:
        if len(program) > MOST:
            raise ValueError(f"Steps: the program has {len(program)} operations; expected at most {MOST}. Split it.")
        self.program = program
        weights = {name: weight.detach() for name, weight in weights.items()}
        matrices = {operation.weight for operation in program if isinstance(operation, Linear)}
        self.weights = weights | {packed(name): pack(weights[name]) for name in matrices}

    def takes(self, tensor: Tensor) -> bool:
        """Whether a step may be taken with this and what belongs to it."""
        return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_grad_enabled()

    def __call__(self, registers: Tensors, seen: Seen | None = None) -> Tensors:
        """One step of every row.

        Args:
            registers: inputs, and starts under their names with the minus; (rows, width).
            seen: what the program looks at, if it does.

        Returns all registers.
        """
        data = {name: register.contiguous() for name, register in registers.items()}
        tensors, mask = self.weights, None
        if seen is not None:
            tensors, mask = tensors | {"keys": seen.keys.contiguous(), "values": seen.values.contiguous()}, seen.mask
        self._make_room(data, tensors)
        operations = (OperationRecord * len(self.program))()
        alive = [
            describe(each, to, data, {}, tensors, mask) for each, to in zip(self.program, operations, strict=True)
        ]
        for to in operations:
            to.sources = None if seen is None else seen.sources.data_ptr()
        found = kernels()
        rows, threads = len(next(iter(data.values()))), torch.get_num_threads()
        found.library.regard_step(operations, len(self.program), rows, found.fast, threads, found.team)
        del alive
        return data

    def _make_room(self, data: Tensors, tensors: Tensors) -> None:
        """A place for all that the step writes."""
        first = next(iter(data.values()))

        def add(name: str, width: int) -> None:
            if name not in data:
                data[name] = first.new_empty(len(first), width)

        for operation in self.program:
            match operation:
                case Linear(_, weight, into):
                    add(into, tensors[weight].size(0))
                case Gru(gates, _, _, into):
                    add(into, data[gates].size(1) // 3)
                    add(f"{into}.saved", data[gates].size(1))
                case Lstm(gates, memory, into):
                    add(memory, data[gates].size(1) // 4)
                    add(into, data[gates].size(1) // 4)
                    add(f"{into}.saved", data[gates].size(1))
                case Look(_, weights, into):
                    add(weights, tensors["keys"].size(1))
                    add(into, tensors["values"].size(-1))
                case _:
                    add(operation.into, data[operation.source].size(1))


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_step.argtypes = [pointer, size, size, number, number, pointer]
    library.regard_step.restype = None
