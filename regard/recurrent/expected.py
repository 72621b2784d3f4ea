"""What a loop is handed: tensors that fit its program, before an address of them is given away."""

from itertools import chain

import torch
from torch import Tensor

from regard.kernels.operands import told
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tensors, inputs, starts, written
from regard.recurrent.widths import widths


def expect_loop(program: Program, tensors: Tensors, mask: Tensor | None, outputs: list[str]) -> None:
    """Raise ValueError unless these are what `engine.loop` says it takes."""
    _expect_names(program, tensors, outputs)
    first = tensors[inputs(program)[0]]
    if first.dim() != 3 or not first.is_floating_point():
        raise ValueError(
            f"loop: {inputs(program)[0]} is {told(first)}; expected (time, batch, width) of a floating type."
        )
    for name, each in tensors.items():
        if each.dtype != first.dtype or each.device != first.device:
            raise ValueError(
                f"loop: {name} is {told(each)}; expected {first.dtype} on {first.device}, like the inputs."
            )
    (steps, batch), known = first.shape[:2], {}
    for name in chain(inputs(program), starts(program)):
        axes = (batch,) if name.endswith("-") else (steps, batch)
        if tensors[name].shape[:-1] != axes:
            raise ValueError(f"loop: {name} is {told(tensors[name])}; expected {axes} and its width.")
        known[name] = tensors[name].size(-1)
    found = widths(program, tensors, known)
    attends = [operation for operation in program if isinstance(operation, Attend)]
    if attends:
        _expect_source(tensors, mask, batch, found[attends[0].query], found[attends[0].into])


def _expect_names(program: Program, tensors: Tensors, outputs: list[str]) -> None:
    """Everything that it reads is there, and everything that is asked for is made."""
    if any(isinstance(operation, Gru | Lstm) and operation.plus for operation in program):
        raise ValueError("loop: a cell adds to its gates; expected one of a single step alone to do so.")
    if len([operation for operation in program if isinstance(operation, Attend)]) > 1 or not inputs(program):
        raise ValueError("loop: expected a program with an input, and at most one attention to the source.")
    needed = {*inputs(program), *starts(program)}
    needed |= {name for each in program if isinstance(each, Linear) for name in (each.weight, each.bias) if name}
    needed |= {name for each in program if isinstance(each, Attend) for name in ("keys", "values", "vector")}
    missing = [name for name in sorted(needed) if not isinstance(tensors.get(name), Tensor)]
    if missing or not set(outputs) <= set(written(program)):
        raise ValueError(f"loop: no tensor {', '.join(missing)}, or outputs {outputs}; expected {written(program)}.")


def _expect_source(tensors: Tensors, mask: Tensor | None, batch: int, query: int, context: int) -> None:
    keys, values = tensors["keys"], tensors["values"]
    if keys.dim() != 3 or keys.shape[::2] != (batch, query) or values.shape != (*keys.shape[:2], context):
        raise ValueError(
            f"loop: keys are {told(keys)}, values {told(values)}; expected ({batch}, source, {query}) and "
            f"({batch}, source, {context})."
        )
    if mask is None:
        return
    if (
        not isinstance(mask, Tensor)
        or mask.shape != keys.shape[:2]
        or (mask.dtype, mask.device) != (torch.bool, keys.device)
    ):
        raise ValueError(f"loop: mask is {told(mask)}; expected {tuple(keys.shape[:2])} of torch.bool, or None.")
