"""Steps of a program one behind the other in one call, each with the tokens that the one before led to."""

import ctypes
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import END
from regard.unroll.entered import Entered, Kept
from regard.unroll.program import Tensors
from regard.unroll.records import Seen
from regard.unroll.steps import Aimed, Steps, kernels


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
    entered: Entered,
    tokens: Int[Tensor, " rows"],
    starts: Tensors,
    seen: Seen,
    most: int,
    choose: Chooser,
) -> tuple[Int[Tensor, "steps rows"], Tensors] | None:
    """At most so many steps; fewer where a row comes to `END`.

    Args:
        steps: the program; its first output is what tokens are chosen by.
        entered: what it picks for each token.
        tokens: of the first step.
        starts: as in a single step; from the second on each is what the step before made of it.
        seen: what the program looks at.
        most: steps.
        choose: what chooses.

    Returns the tokens, and the outputs of every step, (steps, rows, width); None where nothing could be chosen.
    """
    given = {name: part.clone() for name, part in starts.items() if steps.knows(name)}
    chosen = torch.empty(1 + most, len(tokens), dtype=torch.long)
    chosen[0], taken = tokens, 0
    picks = torch.empty_like(tokens)
    outputs: Tensors = {}
    kernel, threads = kernels(), torch.get_num_threads()
    held: Kept | None = None
    while taken < most and not (taken and (chosen[taken] == END).any()):
        kept, _ = entered(chosen[taken].numpy())
        if kept is not held:
            held, step = kept, steps.aimed(given | kept.tables, seen, None, picks)
            outputs = outputs or {name: part.new_empty(most, *part.shape) for name, part in step.outputs.items()}
            path = _Path.of(steps, step, kept, picks, chosen, given, outputs, choose)
        taken = kernel.library.regard_follow(
            step.address, step.count, ctypes.byref(path), taken, kernel.fast, threads, kernel.team
        )
        if taken < 0:
            return None
    return chosen[1 : taken + 1], {name: part[:taken] for name, part in outputs.items()}


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
        *((name, ctypes.c_void_p) for name in ("slots", "picked", "features")),
        ("flows", ctypes.POINTER(_Flow)),
        *((name, ctypes.c_void_p) for name in ("tokens", "choose", "layer")),
        *((name, ctypes.c_int64) for name in ("flow_count", "rows", "most", "end")),
    )

    @classmethod
    def of(
        cls,
        steps: Steps,
        step: Aimed,
        kept: Kept,
        picks: Tensor,
        chosen: Tensor,
        given: Tensors,
        outputs: Tensors,
        choose: Chooser,
    ) -> "_Path":
        """What each step leaves goes to the outputs, and to the starts of the next."""
        flows = [_Flow.of(part, outputs[name], advance=True) for name, part in step.outputs.items()]
        flows += [_Flow.of(step.outputs[name[:-1]], part) for name, part in given.items()]
        return cls(
            *(kept.slots.ctypes.data, picks.data_ptr(), step.outputs[steps.outputs[0]].data_ptr()),
            *((_Flow * len(flows))(*flows), chosen.data_ptr(), choose.function, choose.given),
            *(len(flows), len(picks), len(chosen) - 1, END),
        )
