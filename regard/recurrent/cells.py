"""The GRU and the LSTM: one step from its projections, and a stack of layers with its own parameters.

gru, lstm    the equations of one step
Cells        the state of a stack
Recurrence   a stack that runs a whole sequence in one call, or one step at a time from the same parameters
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def gru(
    gates: Float[Tensor, "batch gates"], recurrent: Float[Tensor, "batch gates"], hidden: Float[Tensor, "batch hidden"]
) -> Float[Tensor, "batch hidden"]:
    """One GRU step from the projected input and the projected state, gates in the order reset, update, new."""
    size = hidden.size(-1)
    reset, update = torch.sigmoid(gates[:, : 2 * size] + recurrent[:, : 2 * size]).chunk(2, -1)
    new = torch.tanh(gates[:, 2 * size :] + reset * recurrent[:, 2 * size :])
    return new + update * (hidden - new)


def lstm(
    gates: Float[Tensor, "batch gates"], memory: Float[Tensor, "batch hidden"]
) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
    """One LSTM step from the summed projections, gates in the order input, forget, new, output."""
    input_gate, forget, new, output_gate = gates.chunk(4, -1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(input_gate) * torch.tanh(new)
    return torch.sigmoid(output_gate) * torch.tanh(memory), memory


@dataclass(frozen=True)
class Cells:
    """State of every layer, batch first.

    Args:
        hidden: what the layers put out.
        memory: the cell state of an LSTM; width 0 for a GRU.
    """

    hidden: Float[Tensor, "batch layers hidden"]
    memory: Float[Tensor, "batch layers memory"]

    @property
    def top(self) -> Float[Tensor, "batch hidden"]:
        """Output of the last layer."""
        return self.hidden.select(1, -1)

    def select(self, rows: Int[Tensor, " selected"]) -> "Cells":
        """The cells of the given rows, in the given order."""
        return Cells(self.hidden.index_select(0, rows), self.memory.index_select(0, rows))

    def join(self, other: "Cells") -> "Cells":
        """The cells of another behind these."""
        return Cells(torch.cat([self.hidden, other.hidden]), torch.cat([self.memory, other.memory]))


class Recurrence(nn.Module):
    """The recurrent part of a decoder.

        GRU   r, z = σ(gates(x) + U h),  n = tanh(gates(x) + r ∘ (U h + b)),  h' = (1 - z) ∘ n + z ∘ h
        LSTM  i, f, g, o = gates(x) + U h,  c' = σ(f) ∘ c + σ(i) ∘ tanh(g),  h' = σ(o) ∘ tanh(c')

    Source: Cho et al. 2014, arXiv:1406.1078; Hochreiter & Schmidhuber 1997; gate order and the reset gate behind
    the product as in `torch.nn.GRU` and `torch.nn.LSTM`, whose parameters these are.

    Args:
        cell: "gru" or "lstm".
        input_size: features of one input; parts of it may be projected apart, see `gates`.
        hidden_size: features of the state.
        num_layers: depth.
        dropout: between layers.
    """

    def __init__(
        self, cell: Literal["gru", "lstm"], input_size: int, hidden_size: int, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.cell = cell
        self.dropout = dropout
        self.num_layers = num_layers
        kind = nn.GRU if cell == "gru" else nn.LSTM
        # A single layer has no place for dropout, and torch warns of it.
        self.rnn = kind(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout if num_layers > 1 else 0)

    def begin(self, hidden: Float[Tensor, "batch layers hidden"]) -> Cells:
        """Cells that start from these hidden states and an empty memory."""
        return Cells(hidden, torch.zeros_like(hidden) if self.cell == "lstm" else hidden[..., :0])

    def unroll(self, inputs: Float[Tensor, "batch target input"], cells: Cells) -> Float[Tensor, "batch target hidden"]:
        """All steps in one call; the outputs of the last layer."""
        hidden = cells.hidden.transpose(0, 1).contiguous()  # torch wants (layers, batch, hidden)
        if self.cell == "gru":
            return self.rnn(inputs, hidden)[0]
        return self.rnn(inputs, (hidden, cells.memory.transpose(0, 1).contiguous()))[0]

    def gates(
        self, inputs: Float[Tensor, "*axes part"], start: int = 0, bias: bool = True
    ) -> Float[Tensor, "*axes gates"]:
        """What the input columns from `start` on add to the gates of the first layer.

        The gates are linear in the input, so parts known before the loop are projected before it, with the bias,
        and parts known only in a step are added in it.
        """
        weight = self.weight("weight_ih", 0)[:, start : start + inputs.size(-1)]
        return F.linear(inputs, weight, self.weight("bias_ih", 0) if bias else None)

    def step(self, gates: Float[Tensor, "batch gates"], cells: Cells) -> Cells:
        """One step of every layer, from the gates of the first."""
        hiddens: list[Tensor] = []
        memories: list[Tensor] = []
        for layer in range(self.num_layers):
            if layer:
                below = F.dropout(hiddens[-1], self.dropout, self.training)
                gates = F.linear(below, self.weight("weight_ih", layer), self.weight("bias_ih", layer))
            hidden = cells.hidden[:, layer]
            recurrent = F.linear(hidden, self.weight("weight_hh", layer), self.weight("bias_hh", layer))
            if self.cell == "gru":
                hidden, memory = gru(gates, recurrent, hidden), cells.memory[:, layer]
            else:
                hidden, memory = lstm(gates + recurrent, cells.memory[:, layer])
            hiddens.append(hidden)
            memories.append(memory)
        return Cells(torch.stack(hiddens, 1), torch.stack(memories, 1))

    def weight(self, name: str, layer: int = 0) -> Tensor:
        """A parameter by the name that torch gives it, such as `weight_hh`."""
        return getattr(self.rnn, f"{name}_l{layer}")
