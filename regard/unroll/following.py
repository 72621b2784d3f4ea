"""Steps of a program one behind the other in one call, each with the tokens that the one before led to."""

import ctypes
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import END
from regard.unroll.program import Tensors
from regard.unroll.records import Seen
from regard.unroll.steps import Steps, kernels


@dataclass(frozen=True)
class Chooser:
    """A function of compiled code that chooses a token for each row, see steps.c.

    Args:
        function: its address.
        given: of what it takes first.
    """

    function: int
    given: int


def follow(
    steps: Steps,
    tokens: Int[Tensor, " rows"],
    table: Float[Tensor, "vocab embedding"],
    starts: Tensors,
    seen: Seen,
    most: int,
    choose: Chooser,
) -> tuple[Int[Tensor, "steps rows"], Tensors] | None:
    """At most so many steps; fewer where a row comes to `END`.

    Args:
        steps: the program; its first output is what tokens are chosen by.
        tokens: of the first step.
        table: what the register `embedded` is for each token.
        starts: as in a single step; from the second on each is what the step before made of it.
        seen: what the program looks at.
        most: steps.
        choose: what chooses.

    Returns the tokens, and the outputs of every step, (steps, rows, width); None where nothing could be chosen.
    """
    given = {name: part.clone() for name, part in starts.items() if steps.knows(name)}
    given["embedded"] = table.new_empty(len(tokens), table.size(1))
    chosen = torch.empty(1 + most, len(tokens), dtype=torch.long)
    chosen[0] = tokens
    step = steps.aimed(given, seen, None)
    found = step.outputs
    kept = {name: part.new_empty(most, *part.shape) for name, part in found.items()}
    flows = [_Flow.of(part, kept[name], advance=True) for name, part in found.items()]
    flows += [_Flow.of(found[name[:-1]], part) for name, part in given.items() if name.endswith("-")]
    path = _Path(
        *(table.data_ptr(), given["embedded"].data_ptr(), found[steps.outputs[0]].data_ptr()),
        *((_Flow * len(flows))(*flows), chosen.data_ptr(), choose.function, choose.given),
        *(len(flows), len(tokens), table.size(1), most, END),
    )
    kernel, threads = kernels(), torch.get_num_threads()
    taken: int = kernel.library.regard_follow(
        step.address, step.count, ctypes.byref(path), kernel.fast, threads, kernel.team
    )
    return None if taken < 0 else (chosen[1 : taken + 1], {name: part[:taken] for name, part in kept.items()})


class _Flow(ctypes.Structure):
    """As in steps.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("source", "to")),
        *((name, ctypes.c_int64) for name in ("size", "stride")),
    )

    @classmethod
    def of(cls, register: Tensor, to: Tensor, *, advance: bool = False) -> "_Flow":
        """Behind each step, the register goes to this place, or to the next behind it."""
        size = register.numel() * register.element_size()
        return cls(register.data_ptr(), to.data_ptr(), size, size if advance else 0)


class _Path(ctypes.Structure):
    """As in steps.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("table", "embedded", "features")),
        ("flows", ctypes.POINTER(_Flow)),
        *((name, ctypes.c_void_p) for name in ("tokens", "choose", "layer")),
        *((name, ctypes.c_int64) for name in ("flow_count", "rows", "width", "most", "end")),
    )
