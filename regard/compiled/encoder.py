"""A recurrent layer over a batch of texts, with weights that no longer change: what reads the sources of a search."""

import ctypes

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.compiled.step import Steps, steps_serve
from regard.kernels.layout import pack
from regard.kernels.library import kernels
from regard.kernels.operands import expect_operand
from regard.kernels.structs import LayerRecord
from regard.recurrent.autograd import serves
from regard.recurrent.native_backend import KINDS
from regard.recurrent.program import Gru, Linear, Lstm


def reads_serve(*tensors: Tensor) -> bool:
    """Whether compiled code reads with these weights."""
    return steps_serve(*tensors) and kernels().library is not None


class Reads:
    """One recurrent layer in compiled code, whose weights are laid out once. Single precision, CPU, no gradient.

        h→(i) = cell(x(i), h→(i-1)),  h←(i) = cell(x(i), h←(i+1)),  h(i) = [h→(i); h←(i)]

    Each row is read over its own length; padding is never looked at. What a row gives depends neither on the others,
    nor on its padding, nor on the number of threads.

    Args:
        directions: the layer that reads forwards, and one like it that reads backwards, if any. Their weights are read
            once.

    Raises ValueError for layers that are no such pair, and for places or lengths of what there is not.
    """

    def __init__(self, *directions: nn.GRU | nn.LSTM) -> None:
        _check_layers(directions)
        first = directions[0]
        parts = {
            name: [getattr(each, f"{name}_l0").detach() for each in directions]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        entering = {"weight": torch.cat(parts["weight_ih"]), "bias": torch.cat(parts["bias_ih"])}
        self.enter = Steps((Linear("inputs", "weight", "gates", bias="bias"),), entering, ["gates"])
        self.panels = torch.stack([pack(weight) for weight in parts["weight_hh"]])
        self.bias = torch.cat(parts["bias_hh"])
        self.kind = KINDS.index(Lstm if isinstance(first, nn.LSTM) else Gru)
        self.size, self.directions = first.hidden_size, len(directions)

    def takes(self, tensor: Tensor) -> bool:
        """Whether a batch may be read now, with this and what belongs to it."""
        return not torch.is_grad_enabled() and tensor.dtype == torch.float32 and serves(tensor)

    def __call__(
        self, inputs: Float[Tensor, "any input"], places: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch source hidden"]:
        """The states of all directions side by side; zeros at padding.

        Args:
            inputs: what is read, in any order, so that what stands in several places is here, and projected, once.
            places: which of them stands where.
            lengths: how many positions of each row are real, the first ones.
        """
        gates = self.enter({"inputs": inputs})["gates"]
        expect_operand("Reads", "places", places, ("batch", "source"), torch.long, "Say which input stands where.")
        batch, positions = places.shape
        expect_operand("Reads", "lengths", lengths, (batch,), torch.long, "Say how many are real.")
        places, lengths = places.contiguous(), lengths.contiguous()
        order = lengths.argsort(descending=True)
        states = gates.new_empty(batch, positions, self.directions * self.size)
        scratch = gates.new_empty(batch * (gates.size(1) + 2 * self.directions * self.size))
        numbers = (self.kind, self.directions, batch, positions, self.size)
        pointers = (self.panels, self.bias, gates, places, lengths, order, states, scratch)
        layer = LayerRecord(*numbers, *(each.data_ptr() for each in pointers), len(gates))
        if kernels().call("rnn_encoder", ctypes.byref(layer)):
            raise ValueError(
                f"Reads: a length or a place is out of range; expected lengths up to {positions}, and places below "
                f"{len(gates)}."
            )
        return states


def _check_layers(directions: tuple[nn.GRU | nn.LSTM, ...]) -> None:
    kinds = {
        (type(each), each.input_size, each.hidden_size) for each in directions if isinstance(each, nn.GRU | nn.LSTM)
    }
    fit = all(isinstance(each, nn.GRU | nn.LSTM) and each.bias and not each.proj_size for each in directions)
    if not fit or len(kinds) != 1 or len(directions) not in (1, 2):
        raise ValueError(f"Reads: given {directions}; expected one or two layers alike, with a bias and no projection.")
    first = directions[0]
    gates = (4 if isinstance(first, nn.LSTM) else 3) * first.hidden_size
    shapes = {"weight_ih": (gates, first.input_size), "weight_hh": (gates, first.hidden_size)}
    for name, shape in (shapes | dict.fromkeys(("bias_ih", "bias_hh"), (gates,))).items():
        for each in directions:
            expect_operand("Reads", name, getattr(each, f"{name}_l0"), shape)
