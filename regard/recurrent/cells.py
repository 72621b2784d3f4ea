"""One step of a recurrent cell, from its projections."""

import torch
from jaxtyping import Float
from torch import Tensor


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
    enter, forget, new, leave = gates.chunk(4, -1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(memory), memory
