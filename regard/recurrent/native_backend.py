"""A program in compiled code: one call for all steps, whose threads take rows of the batch. Single precision, CPU."""

import torch
from torch import Tensor

from regard.kernels.layout import PANEL, key_buffer
from regard.kernels.library import kernels
from regard.kernels.structs import Array, OperationRecord
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Operation, Program, Tanh, Tensors

KINDS: tuple[type, ...] = (Linear, Gru, Lstm, Tanh, Attend)  # in the order of the enumeration in c/rnn_ops.h


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
    kernels().call("rnn_sequence", operations, len(program), steps, batch, bool(grads))
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
    if isinstance(operation, Attend):
        keys, to.positions = tensors["keys"], tensors["keys"].size(1)
        visible = torch.ones_like(keys[..., 0], dtype=torch.bool) if mask is None else mask.contiguous()
        to.keys, to.values, to.vector = (tensors[name].data_ptr() for name in ("keys", "values", "vector"))
        to.mask = visible.data_ptr()
        if grads:
            to.grad_keys, to.grad_vector = grads["keys"].data_ptr(), grads["vector"].data_ptr()
            return [visible]
        exp_keys = key_buffer(keys)
        to.exp_keys = exp_keys.data_ptr()
        return [visible, exp_keys]
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
        case Attend(query, weights, into):
            return {"into": into, "source": query, "other": weights}
