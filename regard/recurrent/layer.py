"""One layer of `torch.nn.GRU` or `torch.nn.LSTM` over a whole sequence, from its own parameters."""

from jaxtyping import Float
from torch import Tensor, nn

from regard.kernels.linear import projected
from regard.kernels.operands import told
from regard.recurrent.autograd import compiled, loop, serves
from regard.recurrent.program import Gru, Linear, Lstm

GRU = (Linear("state-", "recurrent", "moved", bias="bias"), Gru("inputs", "moved", "state-", "state"))
LSTM = (Linear("state-", "recurrent", "gates", bias="bias", plus="inputs"), Lstm("gates", "memory", "state"))


def unroll(
    rnn: nn.GRU | nn.LSTM,
    layer: int,
    inputs: Float[Tensor, "batch time input"],
    hidden: Float[Tensor, "batch hidden"],
    memory: Float[Tensor, "batch memory"],
) -> Float[Tensor, "batch time hidden"]:
    """The states of one layer at every step.

    Args:
        rnn: whose parameters; of one direction.
        layer: which of its layers, from 0.
        inputs: what the layer reads.
        hidden, memory: the states before the first step; a GRU has no memory, and its width does not matter.

    Raises ValueError for tensors that do not fit.
    """
    if not isinstance(inputs, Tensor) or inputs.dim() != 3:
        raise ValueError(f"unroll: inputs are {told(inputs)}; expected (batch, time, input).")
    input_weight, weight, input_bias, bias = (
        getattr(rnn, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    gates = projected(inputs.transpose(0, 1), input_weight, input_bias)
    tensors = {"inputs": gates, "state-": hidden, "recurrent": weight, "bias": bias}
    if isinstance(rnn, nn.LSTM):
        states = loop(LSTM, tensors | {"memory-": memory}, None, ["state"])["state"]
    else:
        states = loop(GRU, tensors, None, ["state"])["state"]
    return states[1:].transpose(0, 1)


def unrolls(rnn: nn.GRU | nn.LSTM, inputs: Tensor) -> bool:
    """Whether `unroll` is the faster way: it is where compiled code runs it."""
    return serves(inputs, *rnn.parameters()) and compiled(inputs) and inputs.numel() > 0
