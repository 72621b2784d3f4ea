"""Runs a program over all steps, forwards and back, in the fastest way that there is for its tensors."""

from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from regard.kernels.library import kernels
from regard.kernels.matmul import add_product
from regard.recurrent import native_backend as native
from regard.recurrent import torch_backend as stepwise
from regard.recurrent.expected import expect_loop
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tensors, assigned, inputs, starts, written
from regard.recurrent.reference import plain


def loop(program: Program, tensors: Tensors, mask: Bool[Tensor, "batch source"] | None, outputs: list[str]) -> Tensors:
    """Run a program.

    Args:
        program: what one step does.
        tensors: inputs, (time, batch, width); starts under their names with the minus, (batch, width); parameters.
        mask: which source positions are real, if the program attends to a source.
        outputs: the registers to return.

    Returns the outputs, (time, batch, width); those that are read a step later have one more row, in front: the start.
    The same numbers as `plain.plain`, within rounding, from compiled code where that is in use and else from PyTorch.
    The gradients of weights are one product over all steps. Second derivatives go the plain way.

    Raises ValueError for tensors that do not fit the program.
    """
    expect_loop(program, tensors, mask, outputs)
    names = list(tensors)
    run: Any = _Loop.apply
    found = run(program, mask, names, outputs, *(tensors[name] for name in names))
    return dict(zip(outputs, found, strict=True))


def serves(*tensors: Tensor) -> bool:
    """Whether `loop` may run on these: ordinary tensors on the CPU, in single or double precision, not being traced."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or torch.is_autocast_enabled("cpu"):  # type: ignore[attr-defined,no-untyped-call]
        return False
    return all(
        type(each) in (Tensor, nn.Parameter)
        and each.device.type == "cpu"
        and each.dtype == tensors[0].dtype
        and each.dtype in (torch.float32, torch.float64)
        for each in tensors
    )


def compiled(tensor: Tensor) -> bool:
    """Whether compiled code runs programs on tensors of this type."""
    return tensor.dtype == torch.float32 and kernels().library is not None


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, mask: Tensor | None, names: list[str], outputs: list[str], *given: Tensor
    ) -> tuple[Tensor, ...]:
        tensors = {name: _plain_layout(tensor) for name, tensor in zip(names, given, strict=True)}
        stores = _stores(program, tensors)
        engine = native if compiled(given[0]) else stepwise
        engine.forward(program, _registers(program, tensors, stores), tensors, mask, _steps(program, tensors))
        ctx.program, ctx.mask, ctx.names, ctx.outputs, ctx.kept = program, mask, names, outputs, list(stores)
        ctx.save_for_backward(*given, *stores.values())
        return tuple(stores[name] for name in outputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        saved = ctx.saved_tensors
        given = dict(zip(ctx.names, saved, strict=False))
        if torch.is_grad_enabled():
            found = _differentiable(ctx, given, grads)
        else:
            stores = dict(zip(ctx.kept, saved[len(ctx.names) :], strict=True))
            seeds = {name: grad for name, grad in zip(ctx.outputs, grads, strict=True) if grad is not None}
            found = _gradients(ctx.program, given, stores, seeds, ctx.mask, ctx.needs_input_grad[4:])
        return None, None, None, None, *found


def _plain_layout(tensor: Tensor) -> Tensor:
    """Contiguous, or at least in its rows: a weight may be some columns of another."""
    return tensor if tensor.dim() == 2 and tensor.stride(1) == 1 else tensor.contiguous()


def _steps(program: Program, tensors: Tensors) -> int:
    return tensors[inputs(program)[0]].size(0)


def _stores(program: Program, tensors: Tensors) -> Tensors:
    """Room for every register: (time, batch, width), and for one that is read later a row in front, its start."""
    first = tensors[inputs(program)[0]]
    steps, batch = first.shape[:2]
    widths = {name: tensors[name].size(-1) for name in (*inputs(program), *starts(program))}
    later, stores = set(starts(program)), {}

    def add(name: str, width: int) -> None:
        widths[name] = width
        if name not in stores:
            stores[name] = first.new_empty(steps + (f"{name}-" in later), batch, width)
            if f"{name}-" in later:
                stores[name][0] = tensors[f"{name}-"]

    for operation in program:
        match operation:
            case Linear(_, weight, into):
                add(into, tensors[weight].size(0))
            case Gru(gates, _, _, into):
                add(into, widths[gates] // 3)
                add(f"{into}.saved", widths[gates])
            case Lstm(gates, memory, into):
                add(memory, widths[gates] // 4)
                add(into, widths[gates] // 4)
                add(f"{into}.saved", widths[gates])
            case Attend(_, weights, into):
                add(weights, tensors["keys"].size(1))
                add(into, tensors["values"].size(-1))
            case _:
                add(operation.into, widths[operation.source])
    return stores


def _registers(program: Program, tensors: Tensors, stores: Tensors) -> Tensors:
    """Views of the stores, (time, batch, width), under the names that operations use."""
    later = starts(program)
    registers = {name: tensors[name] for name in inputs(program)}
    for name, store in stores.items():
        if f"{name}-" in later:
            registers[name], registers[f"{name}-"] = store[1:], store[:-1]
        else:
            registers[name] = store
    return registers


def _gradients(
    program: Program, given: Tensors, stores: Tensors, seeds: Tensors, mask: Tensor | None, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """Of everything that was given, in its order."""
    tensors = {name: _plain_layout(tensor) for name, tensor in given.items()}
    data = _registers(program, tensors, stores)
    set_once, known = assigned(program), written(program)
    room: Tensors = {}
    for name in known:
        if name in seeds:
            room[name] = seeds[name].clone(memory_format=torch.contiguous_format)
        else:
            room[name] = torch.empty_like(stores[name]) if name in set_once else torch.zeros_like(stores[name])
    grads = _registers(program, {name: torch.empty(0) for name in inputs(program)}, room)
    grads |= {name: torch.empty_like(data[name]) for name in inputs(program)}
    for operation in reversed(program):
        if isinstance(operation, Linear) and operation.plus:
            grads[operation.plus] = grads[operation.into]  # a sum hands its gradient on, so that the two share it
    if "keys" in tensors:
        grads["keys"] = torch.zeros_like(tensors["keys"])
        grads["vector"] = torch.zeros_like(tensors["keys"][:, 0])
    engine = native if compiled(data[known[0]]) else stepwise
    engine.backward(program, data, grads, tensors, mask, _steps(program, tensors))
    found = _of_parameters(program, data, grads, tensors)
    found |= {name: room[name[:-1]][0] for name in starts(program)}
    found |= {name: grads[name] for name in inputs(program)}
    return [found.get(name) if needs else None for name, needs in zip(given, needed, strict=True)]


def _of_parameters(program: Program, data: Tensors, grads: Tensors, tensors: Tensors) -> Tensors:
    """Gradients of weights, biases, keys and values: a product over all steps each."""
    found: Tensors = {}

    def started(name: str) -> Tensor:
        return found.setdefault(name, tensors[name].new_zeros(tensors[name].shape))

    for operation in program:
        if isinstance(operation, Linear):
            slope = grads[operation.into].flatten(0, 1)
            add_product(started(operation.weight), slope.t(), data[operation.source].flatten(0, 1))
            if operation.bias:
                started(operation.bias).add_(slope.sum(0))
        elif isinstance(operation, Attend):
            weights, slope = data[operation.weights].transpose(0, 1), grads[operation.into].transpose(0, 1)
            found["values"] = weights.transpose(1, 2) @ slope
            found["keys"], found["vector"] = grads["keys"], grads["vector"].sum(0)
    return found


def _differentiable(ctx: Any, given: Tensors, grads: tuple[Tensor | None, ...]) -> list[Tensor | None]:
    """The gradients as a graph, for their own derivatives."""
    computed = plain(ctx.program, given, ctx.mask)
    later = starts(ctx.program)
    pairs = [
        (torch.cat([given[f"{name}-"][None], computed[name]]) if f"{name}-" in later else computed[name], grad)
        for name, grad in zip(ctx.outputs, grads, strict=True)
        if grad is not None
    ]
    wanted = [name for name, needs in zip(given, ctx.needs_input_grad[4:], strict=True) if needs]
    outputs, slopes = zip(*pairs, strict=True)
    found = torch.autograd.grad(outputs, [given[name] for name in wanted], slopes, create_graph=True, allow_unused=True)
    known = dict(zip(wanted, found, strict=True))
    return [known.get(name) for name in given]
