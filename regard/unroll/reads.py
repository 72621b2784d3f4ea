"""A recurrent layer over a batch of texts, with weights that no longer change: what reads the sources of a search."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.kernels.library import Kernels, find
from regard.unroll.engine import serves
from regard.unroll.native import KINDS
from regard.unroll.panels import pack
from regard.unroll.program import Gru, Linear, Lstm
from regard.unroll.steps import Steps, steps_serve

SOURCE = Path(__file__).with_name("reads.c")
LIBRARY = Path(__file__).with_name("libreads.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


class LayerRecord(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("kind", "directions", "batch", "positions", "size")),
        *((name, ctypes.c_void_p) for name in ("panels", "bias", "gates", "places", "lengths", "order")),
        *((name, ctypes.c_void_p) for name in ("states", "scratch")),
    )


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
    """

    def __init__(self, *directions: nn.GRU | nn.LSTM) -> None:
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
        batch, positions = places.shape
        places, lengths = places.contiguous(), lengths.contiguous()
        order = lengths.argsort(descending=True)
        states = gates.new_empty(batch, positions, self.directions * self.size)
        scratch = gates.new_empty(batch * (gates.size(1) + 2 * self.directions * self.size))
        numbers = (self.kind, self.directions, batch, positions, self.size)
        pointers = (self.panels, self.bias, gates, places, lengths, order, states, scratch)
        layer = LayerRecord(*numbers, *(each.data_ptr() for each in pointers))
        kernel = kernels()
        kernel.library.regard_read(ctypes.byref(layer), kernel.fast, torch.get_num_threads(), kernel.team)
        return states


def _declare(library: Any) -> None:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.regard_read.argtypes = [pointer, number, number, pointer]
    library.regard_read.restype = None
