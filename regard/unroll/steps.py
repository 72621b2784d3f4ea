"""A program one step at a time, over weights that no longer change: what a search calls between two choices."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.panels import pack, room
from regard.unroll.past import of_the_past, past_first
from regard.unroll.program import Gru, Linear, Look, Lstm, Program, Tanh, Tensors, inputs, starts
from regard.unroll.records import Records, Seen

SOURCE = Path(__file__).with_name("steps.c")
LIBRARY = Path(__file__).with_name("libsteps.so")
MOST = 64  # as in steps.c
POSITIONS = -1


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


def steps_serve(*tensors: Tensor) -> bool:
    """Whether compiled code takes steps over these weights."""
    return (
        all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors)
        and kernels().library is not None
    )


def powers(keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source power"]:
    """What steps read of keys, see look.h; no step changes it, so that it is to be kept."""
    keys, kernel = keys.detach().contiguous(), kernels()
    found, (batch, source, width) = room(keys), keys.shape
    kernel.library.regard_raise(keys.data_ptr(), batch * source, width, found.data_ptr(), kernel.fast)
    return found


@dataclass(frozen=True)
class Aimed:
    """The records of some steps.

    Args:
        words: as compiled code reads them.
        count: of records.
        outputs: the registers to return.
        alive: whatever else the records point to, for as long as they are held.
    """

    words: Int[np.ndarray, " words"]
    count: int
    outputs: Tensors
    alive: tuple[Any, ...]

    @property
    def address(self) -> int:
        """Of the first record."""
        return int(self.words.__array_interface__["data"][0])


class Steps:
    """A program in compiled code, whose weights are laid out once. Single precision, CPU, no gradient.

    Args:
        program: what one step does, in at most `MOST` operations; its sums are added past first.
        weights: its parameters, but for keys and values; they are read once.
        outputs: the registers that a step returns.
        picked: inputs that are tables, of which each row picks a row. No product reads one.
    """

    def __init__(self, program: Program, weights: Tensors, outputs: Sequence[str], picked: Sequence[str] = ()) -> None:
        program = past_first(program, picked)
        if len(program) > MOST:
            raise ValueError(f"Steps: the program has {len(program)} operations; expected at most {MOST}. Split it.")
        self.outputs, self.picked = tuple(outputs), frozenset(picked)
        matrices = dict.fromkeys(operation.weight for operation in program if isinstance(operation, Linear))
        self.panels = {name: pack(weights[name]) for name in matrices}
        names = {"vector", *(operation.bias for operation in program if isinstance(operation, Linear))}
        vectors = {name: each.detach().contiguous() for name, each in weights.items() if name in names}
        self._widths = _widths(program, weights)
        self._shared = _shared(program)
        self._given = (*inputs(program), *starts(program))  # each row has the first, rows share the last
        outer = (*self._given, *self.outputs)
        self._outer = {name: self._widths[name] for name in outer}
        self._inner = {name: width for name, width in self._widths.items() if name not in outer}
        self._records = Records(program, self._widths, self._shared, self.picked, self.panels | vectors)

    def takes(self, tensor: Tensor) -> bool:
        """Whether a step may be taken with this and what belongs to it."""
        return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_grad_enabled()

    @property
    def shares(self) -> bool:
        """Whether rows that continue the same one share what follows from it."""
        return bool(self._shared)

    @property
    def shared(self) -> Int[np.ndarray, " operations"]:
        """1 for each operation of what rows share, else 0; bytes."""
        return self._records.shared

    def knows(self, register: str) -> bool:
        """Whether the program has such a register."""
        return register in self._widths

    def width(self, register: str) -> int:
        """Its features."""
        return self._widths[register]

    def __call__(
        self,
        registers: Tensors,
        seen: Seen | None = None,
        parents: Int[Tensor, " rows"] | None = None,
        picks: Int[Tensor, " rows"] | None = None,
    ) -> Tensors:
        """One step of every row.

        Args:
            registers: inputs, and starts under their names with the minus; (rows, width).
            seen: what the program looks at, if it does.
            parents: the row of the starts that each row continues; None where each continues its own. What follows
                from the starts alone is computed once for all that continue them.
            picks: the row of the tables that each row reads, if there are any.

        Returns the outputs.
        """
        given = {name: registers[name].contiguous() for name in self._given}
        if parents is not None and not self._shared:
            given = {
                name: part.index_select(0, parents) if name.endswith("-") else part for name, part in given.items()
            }
            parents = None
        step = self.aimed(given, seen, parents, picks)
        kernel, threads = kernels(), torch.get_num_threads()
        kernel.library.regard_step(step.address, step.count, kernel.fast, threads, kernel.team)
        if parents is None:
            return step.outputs
        return {
            name: part.index_select(0, parents) if name in self._shared else part for name, part in step.outputs.items()
        }

    def aimed(
        self,
        given: Tensors,
        seen: Seen | None,
        parents: Int[Tensor, " rows"] | None,
        picks: Int[Tensor, " rows"] | None,
    ) -> Aimed:
        """The records of steps over the given registers, and the outputs that they fill."""
        first, last = given[self._given[0]], given[self._given[-1]]
        few = last.size(0)
        rows = next((each.size(0) for each in (parents, picks) if each is not None), first.size(0))
        positions = 0 if seen is None else seen.mask.size(1)
        shapes = {
            name: (few if name in self._shared else rows, positions if width == POSITIONS else width)
            for name, width in self._outer.items()
        }
        shapes |= {name: (given[name].size(0), self._widths[name]) for name in self.picked}
        for name, register in given.items():
            if register.shape != shapes[name]:
                raise ValueError(f"Steps: {name} is {tuple(register.shape)}; expected {shapes[name]}.")
        found = {name: first.new_empty(*shapes[name]) for name in self.outputs}
        widths = [positions if width == POSITIONS else width for width in self._inner.values()]
        scratch = first.new_empty(rows * sum(widths))
        start, row = scratch.data_ptr(), rows * scratch.element_size()
        places = accumulate(widths, lambda place, width: place + row * width, initial=start)
        registers = dict(zip(self._inner, places, strict=False))
        registers |= {name: tensor.data_ptr() for name, tensor in (found | given).items()}
        words, alive = self._records.aimed(registers, rows, few, seen, parents, picks)
        return Aimed(words, self._records.count, found, (scratch, given, alive))


def _shared(program: Program) -> frozenset[str]:
    """The registers that rows share which continue the same one; none where a product of some would be needed for
    each row, since products read rows that stand side by side."""
    shared = of_the_past(program)
    apart = (each for each in program if isinstance(each, Linear) and each.into not in shared)
    return frozenset() if any(each.source in shared for each in apart) else shared


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
            case Gru(gates, moved, before, into, plus):
                size = widths[moved] // 3
                widths |= dict.fromkeys([gates, plus or gates], 3 * size)
                widths |= dict.fromkeys([before, into], size)
            case Lstm(gates, memory, into, plus):
                size = widths[gates] // 4
                widths |= dict.fromkeys([gates, plus or gates], 4 * size)
                widths |= dict.fromkeys([memory, f"{memory}-", into], size)
            case Tanh(source, into):
                widths[into] = widths[source]
            case Look(_, over, _):
                widths[over] = POSITIONS
            case _:
                pass
    return widths


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_step.argtypes = [pointer, size, number, number, pointer]
    library.regard_step.restype = None
    library.regard_raise.argtypes = [pointer, size, size, pointer, number]
    library.regard_raise.restype = None
    library.regard_follow.argtypes = [pointer, size, pointer, size, number, number, pointer]
    library.regard_follow.restype = size
