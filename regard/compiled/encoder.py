"""The recurrent encoder in compiled code, over weights that no longer change."""

import ctypes
from functools import reduce

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.compiled.step import Steps
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder
from regard.kernels.layout import pack
from regard.kernels.library import kernels
from regard.kernels.operands import expect_operand
from regard.kernels.structs import LayerRecord
from regard.recurrent.autograd import serves
from regard.recurrent.native_backend import KINDS
from regard.recurrent.program import Gru, Linear, Lstm


class CompiledEncoder:
    """What a `RecurrentEncoder` reads, in evaluation mode and without a gradient; the encoder itself reads else.

    What a source gives depends neither on the others, nor on its padding.

    Args:
        encoder: on the CPU, in single precision; its parameters are read once, here.
    """

    def __init__(self, encoder: RecurrentEncoder) -> None:
        self.encoder = encoder
        layers = (encoder.forwards, encoder.backwards) if encoder.backwards else (encoder.forwards,)
        self._layers = tuple(EncoderLayer(*directions) for directions in zip(*layers, strict=True))

    def __call__(self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source."""
        encoder = self.encoder
        if encoder.training or source.size(1) == 0 or not self._layers[0].takes(encoder.embedding.weight):
            memory: Memory = encoder(source, mask)
            return memory
        lengths = mask.sum(1)
        states, embedded = self._states(source, lengths)
        if not isinstance(encoder.normalize, nn.Identity):
            states = encoder.normalize(states).masked_fill(~mask.unsqueeze(-1), 0.0)
        if encoder.summary == "last":
            summary = encoder.last(states, lengths)
        else:
            # torch.sum adds in an order that depends on the padding.
            summary = reduce(torch.add, states.unbind(1)) / lengths.clamp(min=1).unsqueeze(1)
        return encoder.store(states, embedded, summary, mask)

    def _states(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """States that are zero at padding, and the embedded source where it stands beside them. Each token is projected
        once."""
        tokens, places = torch.unique(source, return_inverse=True)
        embedded = self.encoder.embedding(tokens)
        states = self._layers[0](embedded, places, lengths)
        for layer in self._layers[1:]:
            states = layer(states.flatten(0, 1), torch.arange(source.numel()).view_as(source), lengths)
        return states, embedded[places] if self.encoder.source_bridging else None


class EncoderLayer:
    """One recurrent layer in compiled code, whose weights are laid out once. Single precision, CPU, no gradient.

        h→(i) = cell(x(i), h→(i-1)),  h←(i) = cell(x(i), h←(i+1)),  h(i) = [h→(i); h←(i)]

    Each row is read over its own length; padding is never read. What a row gives depends neither on the others,
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
        expect_operand(
            "EncoderLayer", "places", places, ("batch", "source"), torch.long, "Say which input stands where."
        )
        batch, positions = places.shape
        expect_operand("EncoderLayer", "lengths", lengths, (batch,), torch.long, "Say how many are real.")
        places, lengths = places.contiguous(), lengths.contiguous()
        order = lengths.argsort(descending=True)
        states = gates.new_empty(batch, positions, self.directions * self.size)
        scratch = gates.new_empty(batch * (gates.size(1) + 2 * self.directions * self.size))
        numbers = (self.kind, self.directions, batch, positions, self.size)
        pointers = (self.panels, self.bias, gates, places, lengths, order, states, scratch)
        layer = LayerRecord(*numbers, *(each.data_ptr() for each in pointers), len(gates))
        if kernels().call("rnn_encoder", ctypes.byref(layer)):
            raise ValueError(
                f"EncoderLayer: a length or a place is out of range; expected lengths up to {positions}, and places "
                f"below {len(gates)}."
            )
        return states


def _check_layers(directions: tuple[nn.GRU | nn.LSTM, ...]) -> None:
    kinds = {
        (type(each), each.input_size, each.hidden_size) for each in directions if isinstance(each, nn.GRU | nn.LSTM)
    }
    fit = all(isinstance(each, nn.GRU | nn.LSTM) and each.bias and not each.proj_size for each in directions)
    if not fit or len(kinds) != 1 or len(directions) not in (1, 2):
        raise ValueError(
            f"EncoderLayer: given {directions}; expected one or two layers alike, with a bias and no projection."
        )
    first = directions[0]
    gates = (4 if isinstance(first, nn.LSTM) else 3) * first.hidden_size
    shapes = {"weight_ih": (gates, first.input_size), "weight_hh": (gates, first.hidden_size)}
    for name, shape in (shapes | dict.fromkeys(("bias_ih", "bias_hh"), (gates,))).items():
        for each in directions:
            expect_operand("EncoderLayer", name, getattr(each, f"{name}_l0"), shape)
