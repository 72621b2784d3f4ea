"""A program one step at a time, over weights that no longer change: what a search calls between two choices."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.panels import pack
from regard.unroll.past import of_the_past, past_first
from regard.unroll.program import Gru, Linear, Look, Lstm, Program, Tanh, Tensors
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


class Steps:
    """A program in compiled code, whose weights are laid out once. Single precision, CPU, no gradient.

    Args:
        program: what one step does, in at most `MOST` operations; its sums are added past first.
        weights: its parameters, but for keys and values; they are read once.
        outputs: the registers that a step returns.
    """

    def __init__(self, program: Program, weights: Tensors, outputs: Sequence[str]) -> None:
        program = past_first(program)
        if len(program) > MOST:
            raise ValueError(f"Steps: the program has {len(program)} operations; expected at most {MOST}. Split it.")
        self.outputs = tuple(outputs)
        matrices = dict.fromkeys(operation.weight for operation in program if isinstance(operation, Linear))
        self.panels = {name: pack(weights[name]) for name in matrices}
        vectors = {name: each.detach().contiguous() for name, each in weights.items() if name not in matrices}
        self._widths = _widths(program, weights)
        self._shared = _shared(program)
        self._records = Records(program, self._widths, self._shared, self.panels | vectors)

    def takes(self, tensor: Tensor) -> bool:
        """Whether a step may be taken with this and what belongs to it."""
        return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_grad_enabled()

    def knows(self, register: str) -> bool:
        """Whether the program has such a register."""
        return register in self._widths

    def width(self, register: str) -> int:
        """Its features."""
        return self._widths[register]

    def __call__(
        self, registers: Tensors, seen: Seen | None = None, parents: Int[Tensor, " rows"] | None = None
    ) -> Tensors:
        """One step of every row.

        Args:
            registers: inputs, and starts under their names with the minus; (rows, width).
            seen: what the program looks at, if it does.
            parents: the row of the starts that each row continues; None where each continues its own. What follows
                from the starts alone is computed once for all that continue them.

        Returns the outputs.
        """
        given = {name: registers[name].contiguous() for name in registers if self.knows(name)}
        if parents is not None and not self._shared:
            given = {name: part[parents] if name.endswith("-") else part for name, part in given.items()}
            parents = None
        with self.aimed(given, seen, parents) as (records, found):
            kernel, threads = kernels(), torch.get_num_threads()
            kernel.library.regard_step(records, len(records), kernel.fast, threads, kernel.team)
        if parents is None:
            return found
        return {name: part[parents] if name in self._shared else part for name, part in found.items()}

    @contextmanager
    def aimed(
        self, given: Tensors, seen: Seen | None, parents: Int[Tensor, " rows"] | None
    ) -> Iterator[tuple[Any, Tensors]]:
        """The records of steps over the given registers, and the outputs that they fill."""
        shapes = self._shapes(given, seen, parents)
        first = next(iter(given.values()))
        found = {name: first.new_empty(shapes[name]) for name in self.outputs}
        pointers = {name: tensor.data_ptr() for name, tensor in (found | given).items()}
        others = {name: rows * width for name, (rows, width) in shapes.items() if name not in pointers}
        scratch = first.new_empty(sum(others.values()))
        pointers |= _apart(others, first.element_size(), scratch.data_ptr())
        with self._records.aimed(pointers, shapes, seen, parents) as records:
            yield records, found

    def _shapes(
        self, given: Tensors, seen: Seen | None, parents: Int[Tensor, " rows"] | None
    ) -> dict[str, tuple[int, int]]:
        """Rows and features of every register. Raises ValueError where a given one has others."""
        starts = [len(part) for name, part in given.items() if name in self._shared]
        rows = len(next(iter(given.values()))) if parents is None else len(parents)
        few = rows if parents is None else starts[0]
        positions = 0 if seen is None else seen.mask.size(1)
        shapes = {
            name: (few if name in self._shared else rows, positions if width == POSITIONS else width)
            for name, width in self._widths.items()
        }
        for name, register in given.items():
            if register.shape != shapes[name]:
                raise ValueError(f"Steps: {name} is {tuple(register.shape)}; expected {shapes[name]}.")
        return shapes


def _apart(sizes: dict[str, int], size: int, place: int) -> dict[str, int]:
    """Where registers begin that lie one behind the other from a place on; `size` bytes for each number."""
    places = {}
    for name, count in sizes.items():
        places[name] = place
        place += size * count
    return places


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
    library.regard_step.argtypes = [pointer, size, number, number, pointer]
    library.regard_step.restype = None
    library.regard_follow.argtypes = [pointer, size, pointer, number, number, pointer]
    library.regard_follow.restype = size
