"""A program one step at a time, over weights that no longer change: what a search calls between two choices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.compiled.records import Records, StepSource
from regard.kernels.layout import key_buffer, pack
from regard.kernels.library import kernels
from regard.kernels.operands import expect_numbers, expect_operand, told
from regard.recurrent.hoist import from_state, hoisted
from regard.recurrent.program import Attend, Linear, Program, Tensors, inputs, starts
from regard.recurrent.widths import POSITIONS, widths

MAX_OPERATIONS = 64  # as in c/decoder_step.c


def steps_serve(*tensors: Tensor) -> bool:
    """Whether compiled code takes steps over these weights."""
    return (
        all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors)
        and kernels().library is not None
    )


def exp_keys(keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source padded"]:
    """exp(2 keys), which steps read in place of the keys, see c/additive_step.h; no step changes it, so keep it."""
    expect_operand("exp_keys", "keys", keys, ("batch", "source", "key"))
    keys = keys.detach().contiguous()
    found, (batch, source, width) = key_buffer(keys), keys.shape
    kernels().call("exp_keys", keys.data_ptr(), batch * source, width, found.data_ptr())
    return found


@dataclass(frozen=True)
class PreparedStep:
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
        program: what one step does, in at most `MAX_OPERATIONS` operations; what needs no token comes first.
        weights: its parameters, but for keys and values; they are read once.
        outputs: the registers that a step returns.
        picked: inputs that are tables, of which each row picks a row. No product reads one.

    Raises ValueError for weights that do not fit, and for registers, sources or rows that do not fit the program.
    """

    def __init__(self, program: Program, weights: Tensors, outputs: Sequence[str], picked: Sequence[str] = ()) -> None:
        program = hoisted(program, picked)
        if len(program) > MAX_OPERATIONS:
            raise ValueError(
                f"Steps: the program has {len(program)} operations; expected at most {MAX_OPERATIONS}. Split it."
            )
        self.outputs, self.picked = tuple(outputs), frozenset(picked)
        self._widths = _checked(program, weights, self.outputs, self.picked)
        matrices = dict.fromkeys(operation.weight for operation in program if isinstance(operation, Linear))
        self.panels = {name: pack(weights[name]) for name in matrices}
        names = {"vector", *(operation.bias for operation in program if isinstance(operation, Linear))}
        vectors = {name: each.detach().contiguous() for name, each in weights.items() if name in names}
        self._shared = _shared(program)
        self._given = (*inputs(program), *starts(program))  # each row has the first, rows share the last
        self._begins = bool(starts(program))
        outer = (*self._given, *self.outputs)
        self._outer = {name: self._widths[name] for name in outer}
        self._inner = {name: width for name, width in self._widths.items() if name not in outer}
        attends = [each for each in program if isinstance(each, Attend)]
        self._attended = {(self._widths[each.query], self._widths[each.into]) for each in attends}
        self._records = Records(program, self._widths, self._shared, self.picked, self.panels | vectors)

    def takes(self, tensor: Tensor) -> bool:
        """Whether a step may be taken with this and what belongs to it."""
        return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_grad_enabled()

    @property
    def shares(self) -> bool:
        """Whether rows that continue the same one share what is computed from it alone."""
        return bool(self._shared)

    @property
    def shares_outputs(self) -> bool:
        """Whether hypotheses that continue the same row have an output in common: it then has one row for all of them,
        as the attention weights of a decoder that attends before it reads the token."""
        return not self._shared.isdisjoint(self.outputs)

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

    def expect_starts(self, given: Tensors, rows: int | None) -> None:
        """Raise ValueError unless these are what steps begin with, and a step leaves registers of their names."""
        sizes = {rows}
        for name in (name for name in self._given if name.endswith("-")):
            if name[:-1] not in self.outputs:
                raise ValueError(f"Steps: {name[:-1]} is no output; expected what the next step begins with.")
            expect_operand("Steps", name, given.get(name), ("rows", self._widths[name]))
            sizes.add(len(given[name]))
        if len(sizes - {None}) > 1:
            raise ValueError(f"Steps: the starts have {sizes} rows; expected as many of each.")

    def __call__(
        self,
        registers: Tensors,
        source: StepSource | None = None,
        parents: Int[Tensor, " rows"] | None = None,
        picks: Int[Tensor, " rows"] | None = None,
    ) -> Tensors:
        """One step of every row.

        Args:
            registers: inputs, and starts under their names with the minus; (rows, width).
            source: what the program attends to, if it does.
            parents: the row of the starts that each row continues; None where each continues its own. What is computed
                from the starts alone is computed once for all that continue them.
            picks: the row of the tables that each row reads, if there are any.

        Returns the outputs.
        """
        try:
            given = {name: registers[name].contiguous() for name in self._given}
        except (KeyError, AttributeError):
            raise ValueError(f"Steps: expected tensors (rows, features) under the names {self._given}.") from None
        try:
            if parents is not None and not self._shared:
                given = {
                    name: part.index_select(0, parents) if name.endswith("-") else part for name, part in given.items()
                }
                parents = None
            step = self.prepared(given, source, parents, picks)
        except IndexError:
            raise ValueError("Steps: a parent is no row of the starts; expected the number of one.") from None
        if kernels().call("decoder_step", step.address, step.count):
            raise ValueError(
                "Steps: a row picks one that there is not; expected rows of the starts, tables and sources."
            )
        if parents is None:
            return step.outputs
        return {
            name: part.index_select(0, parents) if name in self._shared else part for name, part in step.outputs.items()
        }

    def _check(self, given: Tensors, source: StepSource | None, parents: Tensor | None, picks: Tensor | None) -> None:
        """How the tensors of the source and the picks lie; compiled code checks which row is picked."""
        for name, rows in (("parents", parents), ("picks", picks)):
            if rows is not None:
                expect_numbers("Steps", name, rows)
        apart = parents is not None and picks is not None and len(picks) != len(parents)
        if apart or (picks is None and self.picked):
            raise ValueError("Steps: picks do not go with the rows; expected one for each, where there are tables.")
        if not self._attended:
            return
        if not isinstance(source, StepSource) or not source.fits(self._attended):
            attended = source.told() if isinstance(source, StepSource) else source
            raise ValueError(
                f"Steps: source is {attended}; expected keys, values, mask and exp_keys of the same sources, with "
                f"{self._attended} features, and a number for each row."
            )

    def prepared(
        self,
        given: Tensors,
        source: StepSource | None,
        parents: Int[Tensor, " rows"] | None,
        picks: Int[Tensor, " rows"] | None,
    ) -> PreparedStep:
        """The records of steps over the given registers, and the outputs that they fill."""
        if self._attended or parents is not None or picks is not None or self.picked:
            self._check(given, source, parents, picks)
        first, last = given[self._given[0]], given[self._given[-1]]
        continued = last.size(0)
        rows = next((each.size(0) for each in (parents, picks) if each is not None), first.size(0))
        if parents is None and continued != rows and self._begins:
            raise ValueError(f"Steps: the starts have {continued} rows; expected {rows}, one for each, or parents.")
        positions = 0 if source is None else source.mask.size(1)
        shapes = {
            name: (continued if name in self._shared else rows, positions if width == POSITIONS else width)
            for name, width in self._outer.items()
        }
        shapes |= {name: (given[name].size(0), self._widths[name]) for name in self.picked}
        for name, register in given.items():
            if register.shape != shapes[name]:
                raise ValueError(f"Steps: {name} is {tuple(register.shape)}; expected {shapes[name]}.")
            if register.dtype is not torch.float32 or not register.is_cpu:
                raise ValueError(f"Steps: {name} is {told(register)}; expected torch.float32 on the CPU.")
        found = {name: first.new_empty(*shapes[name]) for name in self.outputs}
        wide = [positions if width == POSITIONS else width for width in self._inner.values()]
        held = max(rows, continued)  # what rows share has a row for each of those they continue, which may be more
        scratch = first.new_empty(held * sum(wide))
        start, row = scratch.data_ptr(), held * scratch.element_size()
        places = accumulate(wide, lambda place, width: place + row * width, initial=start)
        registers = dict(zip(self._inner, places, strict=False))
        registers |= {name: tensor.data_ptr() for name, tensor in (found | given).items()}
        tables = {name: given[name].size(0) for name in self.picked}
        words, alive = self._records.at(registers, rows, continued, tables, source, parents, picks)
        return PreparedStep(words, self._records.count, found, (scratch, given, alive))


def _checked(program: Program, weights: Tensors, outputs: tuple[str, ...], picked: frozenset[str]) -> dict[str, int]:
    """The widths of the registers of a program that fits its weights."""
    found = widths(program, weights, {})
    read = {name for each in program if isinstance(each, Linear) for name in (each.weight, each.bias) if name}
    read |= {"vector" for each in program if isinstance(each, Attend)}
    for name in read:
        expect_operand("Steps", name, weights[name], tuple(weights[name].shape))
    unknown = [name for name in (*outputs, *picked) if name not in found]
    if unknown or not outputs or not program or not inputs(program) + starts(program):
        raise ValueError(f"Steps: no register {', '.join(unknown)}; expected outputs and inputs of the program.")
    products = {each.source for each in program if isinstance(each, Linear)}
    if picked & products or not picked <= set(inputs(program)):
        raise ValueError(f"Steps: picked are {sorted(picked)}; expected inputs that no product reads.")
    return found


def _shared(program: Program) -> frozenset[str]:
    """The registers that rows share which continue the same one; none where a product of some would be needed for
    each row, since products read rows that stand side by side."""
    shared = from_state(program)
    apart = (each for each in program if isinstance(each, Linear) and each.into not in shared)
    return frozenset() if any(each.source in shared for each in apart) else shared
