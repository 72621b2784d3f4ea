"""Recurrent layers as operators of ONNX, which run a sequence of any length; a trace of PyTorch's own has the length
of its example."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

GRU_ORDER = (1, 0, 2)
"""PyTorch has reset, update, new; ONNX update, reset, new."""
LSTM_ORDER = (0, 3, 1, 2)
"""PyTorch has input, forget, new, output; ONNX input, output, forget, new."""


def run_layer(layer: nn.Module, inputs: Float[Tensor, "batch source input"]) -> Float[Tensor, "batch source hidden"]:
    """The states of a GRU or LSTM of one layer and one direction, from zeros. It can only be traced for ONNX."""
    assert isinstance(layer, nn.GRU | nn.LSTM), "recurrent encoders have these"
    gru, size = isinstance(layer, nn.GRU), layer.hidden_size
    order = GRU_ORDER if gru else LSTM_ORDER
    kind, options = ("GRU", {"linear_before_reset": 1}) if gru else ("LSTM", {})
    weights = [_ordered(getattr(layer, name), order) for name in ("weight_ih_l0", "weight_hh_l0")]
    bias = torch.cat([_ordered(getattr(layer, name), order) for name in ("bias_ih_l0", "bias_hh_l0")])
    states: Tensor = torch.onnx.ops.symbolic(
        kind,
        (inputs.transpose(0, 1), *(each.unsqueeze(0) for each in (*weights, bias))),
        attrs={"hidden_size": size, **options},
        dtype=inputs.dtype,
        shape=(inputs.size(1), 1, inputs.size(0), size),
    )
    return states.squeeze(1).transpose(0, 1)


def _ordered(parameter: Tensor, order: tuple[int, ...]) -> Tensor:
    gates = parameter.chunk(len(order))
    return torch.cat([gates[place] for place in order])
