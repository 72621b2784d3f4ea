"""A program in compiled code: one call for all steps, whose threads take rows of the batch. Single precision, CPU."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.panels import PANEL, room
from regard.unroll.program import Gru, Linear, Look, Lstm, Operation, Program, Tanh, Tensors

SOURCE = Path(__file__).with_name("loops.c")
LIBRARY = Path(__file__).with_name("libloops.so")
KINDS: tuple[type, ...] = (Linear, Gru, Lstm, Tanh, Look)  # in the order of the enumeration in operations.h


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


class Array(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        ("rows", ctypes.c_void_p),
    )


class OperationRecord(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int64),
        *((name, Array) for name in ("into", "source", "other", "before", "saved", "added")),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("panels", "keys", "values", "vector", "powers")),
        *((name, ctypes.c_void_p) for name in ("grad_keys", "grad_vector", "mask", "sources")),
        ("positions", ctypes.c_int64),
        ("count", ctypes.c_int64),
    )


def forward(program: Program, data: Tensors, tensors: Tensors, mask: Tensor | None, steps: int) -> None:
    """Fill `data`."""
    _call(program, data, {}, tensors, mask, steps)


def backward(
    program: Program, data: Tensors, grads: Tensors, tensors: Tensors, mask: Tensor | None, steps: int
) -> None:
    """Fill `grads`; to those of `keys` and `vector` it is added."""
    _call(program, data, grads, tensors, mask, steps)


def _call(program: Program, data: Tensors, grads: Tensors, tensors: Tensors, mask: Tensor | None, steps: int) -> None:
    operations = (OperationRecord * len(program))()
    alive = [_describe(each, to, data, grads, tensors, mask) for each, to in zip(program, operations, strict=True)]
    batch = next(iter(data.values())).size(1)
    found = kernels()
    threads = torch.get_num_threads()
    found.library.regard_unroll(operations, len(program), steps, batch, bool(grads), found.fast, threads, found.team)
    del alive  # what the operations point to


def _describe(
    operation: Operation, to: OperationRecord, data: Tensors, grads: Tensors, tensors: Tensors, mask: Tensor | None
) -> list[Tensor]:
    """Fill the structure; returns what it points to and nobody else holds."""

    def array(name: str) -> Array:
        grad = grads[name].data_ptr() if name in grads else None
        return Array(data[name].data_ptr(), grad, data[name].size(-1))

    to.kind = KINDS.index(type(operation))
    for field, name in fields(operation).items():
        setattr(to, field, array(name))
    if isinstance(operation, Linear):
        matrix = tensors[operation.weight]
        to.weight, to.stride = matrix.data_ptr(), matrix.stride(0)
        to.bias = tensors[operation.bias].data_ptr() if operation.bias else None
        columns, depth = matrix.t().shape if grads else matrix.shape
        panels = matrix.new_empty(-(-columns // PANEL) * PANEL * depth)
        to.panels = panels.data_ptr()
        return [panels]
    if isinstance(operation, Look):
        keys, to.positions = tensors["keys"], tensors["keys"].size(1)
        visible = torch.ones_like(keys[..., 0], dtype=torch.bool) if mask is None else mask.contiguous()
        to.keys, to.values, to.vector = (tensors[name].data_ptr() for name in ("keys", "values", "vector"))
        to.mask = visible.data_ptr()
        if grads:
            to.grad_keys, to.grad_vector = grads["keys"].data_ptr(), grads["vector"].data_ptr()
            return [visible]
        powers = room(keys)
        to.powers = powers.data_ptr()
        return [visible, powers]
    return []


def fields(operation: Operation) -> dict[str, str]:
    """Which register stands in which array of the record."""
    match operation:
        case Linear(source, _, into, _, plus):
            return {"into": into, "source": source} | ({"other": plus} if plus else {})
        case Gru(gates, moved, before, into, plus):
            cell = {"other": moved, "before": before, "saved": f"{into}.saved"} | ({"added": plus} if plus else {})
            return {"into": into, "source": gates} | cell
        case Lstm(gates, memory, into, plus):
            cell = {"other": memory, "before": f"{memory}-", "saved": f"{into}.saved"}
            return {"into": into, "source": gates} | cell | ({"added": plus} if plus else {})
        case Tanh(source, into):
            return {"into": into, "source": source}
        case Look(query, weights, into):
            return {"into": into, "source": query, "other": weights}


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_unroll.argtypes = [pointer, size, size, size, number, number, number, pointer]
    library.regard_unroll.restype = None
