"""A program in PyTorch with a backward written by hand: nothing is recorded step by step.

It fills the registers, then the gradients, that `engine.py` laid out. Gradients of weights are not its business: they
are one product over all steps, behind the loop.
"""

import torch
from torch import Tensor

from regard.recurrent.program import Attend, Gru, Linear, Lstm, Operation, Program, Tanh, Tensors
from regard.recurrent.reference import masked_softmax


def forward(program: Program, data: Tensors, tensors: Tensors, mask: Tensor | None, steps: int) -> None:
    """Fill `data` step by step."""
    for step in range(steps):
        now = {name: tensor[step] for name, tensor in data.items()}
        for operation in program:
            _forward(operation, now, tensors, mask)


def backward(
    program: Program, data: Tensors, grads: Tensors, tensors: Tensors, mask: Tensor | None, steps: int
) -> None:
    """Fill `grads`, step by step from the last; those of `keys` and `vector` are no registers, and are added to."""
    whole = {name: grads[name] for name in ("keys", "vector") if name in grads}
    registers = {name: tensor for name, tensor in grads.items() if name not in whole}
    for step in reversed(range(steps)):
        now = {name: tensor[step] for name, tensor in data.items()}
        slopes = {name: tensor[step] for name, tensor in registers.items()} | whole
        for operation in reversed(program):
            _backward(operation, now, slopes, tensors)


def _forward(operation: Operation, now: Tensors, tensors: Tensors, mask: Tensor | None) -> None:
    match operation:
        case Linear(source, weight, into, bias, plus):
            matrix = tensors[weight].t()
            if bias and not plus:
                torch.addmm(tensors[bias], now[source], matrix, out=now[into])
                return
            if plus:
                torch.addmm(now[plus], now[source], matrix, out=now[into])
            else:
                torch.mm(now[source], matrix, out=now[into])
            if bias:
                now[into].add_(tensors[bias])
        case Gru(gates, moved, before, into):
            size = now[into].size(-1)
            saved = now[f"{into}.saved"]
            both, new = saved[:, : 2 * size], saved[:, 2 * size :]
            torch.add(now[gates][:, : 2 * size], now[moved][:, : 2 * size], out=both).sigmoid_()
            torch.addcmul(now[gates][:, 2 * size :], both[:, :size], now[moved][:, 2 * size :], out=new).tanh_()
            torch.lerp(new, now[before], both[:, size:], out=now[into])
        case Lstm(gates, memory, into):
            size = now[into].size(-1)
            saved = now[f"{into}.saved"].copy_(now[gates])
            saved[:, : 2 * size].sigmoid_()
            saved[:, 2 * size : 3 * size].tanh_()
            saved[:, 3 * size :].sigmoid_()
            enter, forget, new, leave = saved.chunk(4, -1)
            torch.mul(forget, now[f"{memory}-"], out=now[memory]).addcmul_(enter, new)
            torch.tanh(now[memory], out=now[into]).mul_(leave)
        case Tanh(source, into):
            torch.tanh(now[source], out=now[into])
        case Attend(query, weights, into):
            hidden = _tanh(now[query].unsqueeze(1) + tensors["keys"])
            now[weights].copy_(masked_softmax(hidden @ tensors["vector"], mask))
            torch.bmm(now[weights].unsqueeze(1), tensors["values"], out=now[into].unsqueeze(1))


def _backward(operation: Operation, now: Tensors, grads: Tensors, tensors: Tensors) -> None:
    match operation:
        case Linear(source, weight, into):
            grads[source].addmm_(grads[into], tensors[weight])
        case Gru(gates, moved, before, into):
            _gru(now[f"{into}.saved"], now[moved], now[before], grads[into], grads[gates], grads[moved], grads[before])
        case Lstm(gates, memory, into):
            previous = f"{memory}-"
            _lstm(now[f"{into}.saved"], now[memory], now[previous], grads[into], grads[memory], grads[gates])
            grads[previous].addcmul_(grads[memory], now[f"{into}.saved"].chunk(4, -1)[1])
        case Tanh(source, into):
            grads[source].copy_(torch.ops.aten.tanh_backward(grads[into], now[into]))
        case Attend(query, weights, into):
            _attend(now[query], now[weights], grads[into], grads[weights], grads[query], grads, tensors)


def _gru(
    saved: Tensor, moved: Tensor, before: Tensor, grad: Tensor, to_gates: Tensor, to_moved: Tensor, to_before: Tensor
) -> None:
    size = grad.size(-1)
    reset, update, new = saved.chunk(3, -1)
    to_before.addcmul_(grad, update)
    kept = grad * update
    to_new = torch.ops.aten.tanh_backward(grad - kept, new)
    to_gates[:, 2 * size :] = to_new
    torch.mul(to_new, reset, out=to_moved[:, 2 * size :])
    to_update = (before - new).mul_(kept)
    to_gates[:, size : 2 * size] = to_update.addcmul_(to_update, update, value=-1)
    to_gates[:, :size] = torch.ops.aten.sigmoid_backward(to_new.mul_(moved[:, 2 * size :]), reset)
    to_moved[:, : 2 * size] = to_gates[:, : 2 * size]


def _lstm(saved: Tensor, memory: Tensor, before: Tensor, grad: Tensor, to_memory: Tensor, to_gates: Tensor) -> None:
    """Adds what comes through the output to the memory's gradient, and goes back from there."""
    enter, forget, new, leave = saved.chunk(4, -1)
    to_enter, to_forget, to_new, to_leave = to_gates.chunk(4, -1)
    bent = torch.tanh(memory)
    to_memory.add_(torch.ops.aten.tanh_backward(grad * leave, bent))
    to_enter.copy_(torch.ops.aten.sigmoid_backward(to_memory * new, enter))
    to_forget.copy_(torch.ops.aten.sigmoid_backward(to_memory * before, forget))
    to_new.copy_(torch.ops.aten.tanh_backward(to_memory * enter, new))
    to_leave.copy_(torch.ops.aten.sigmoid_backward(grad * bent, leave))


def _attend(
    query: Tensor, weights: Tensor, grad: Tensor, slopes: Tensor, to_query: Tensor, grads: Tensors, tensors: Tensors
) -> None:
    """The values' gradient is left to one product behind the loop."""
    slopes.add_((tensors["values"] @ grad.unsqueeze(-1)).squeeze(-1))
    to_scores = weights * (slopes - (weights * slopes).sum(-1, keepdim=True))
    hidden = _tanh(query.unsqueeze(1) + tensors["keys"])
    grads["vector"].add_((to_scores.unsqueeze(1) @ hidden).squeeze(1))
    bent = hidden.square_().neg_().add_(1).mul_(tensors["vector"]).mul_(to_scores.unsqueeze(-1))
    grads["keys"].add_(bent)
    torch.sum(bent, 1, out=to_query)


def _tanh(x: Tensor) -> Tensor:
    """In place: 2σ(2x) − 1, for which PyTorch needs half the time that its tanh takes."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)
