"""A program step by step through autograd: what defines the result, and where second derivatives come from."""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional as F

from regard.recurrent.cells import gru, lstm
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tanh, Tensors, inputs, starts, written


def plain(program: Program, tensors: Tensors, mask: Bool[Tensor, "batch source"] | None) -> Tensors:
    """Every register that the program writes, (time, batch, width)."""
    steps = tensors[inputs(program)[0]].size(0)
    before = {name: tensors[name] for name in starts(program)}
    history: dict[str, list[Tensor]] = {name: [] for name in written(program)}
    for step in range(steps):
        now = before | {name: tensors[name][step] for name in inputs(program)}
        _step(program, now, tensors, mask)
        for name in history:
            history[name].append(now[name])
        before = {name: now[name[:-1]] for name in before}
    return {name: torch.stack(values) for name, values in history.items()}


def _step(program: Program, now: Tensors, tensors: Tensors, mask: Tensor | None) -> None:
    """Fills the registers of one step."""
    for operation in program:
        match operation:
            case Linear(source, weight, into, bias, plus):
                result = F.linear(now[source], tensors[weight], tensors[bias] if bias else None)
                now[into] = result + now[plus] if plus else result
            case Gru(gates, moved, previous, into, plus):
                now[into] = gru(_sum(now, gates, plus), now[moved], now[previous])
            case Lstm(gates, memory, into, plus):
                now[into], now[memory] = lstm(_sum(now, gates, plus), now[f"{memory}-"])
            case Tanh(source, into):
                now[into] = torch.tanh(now[source])
            case Attend(query, weights, into):
                hidden = torch.tanh(now[query].unsqueeze(1) + tensors["keys"])
                now[weights] = masked_softmax(hidden @ tensors["vector"], mask)
                now[into] = (now[weights].unsqueeze(1) @ tensors["values"]).squeeze(1)


def _sum(now: Tensors, gates: str, plus: str | None) -> Tensor:
    """What a cell is given."""
    return now[gates] + now[plus] if plus else now[gates]


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros where nothing is visible."""
    if mask is None:
        return torch.softmax(scores, -1)
    return torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), -1).masked_fill(~mask, 0.0)
