"""Pyramidal BLSTM: every layer joins neighbouring positions of the layer below."""

from collections.abc import Sequence
from math import prod

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.blstm import Blstm
from regard.encoders.memory import Memory
from regard.encoders.strides import expect_frames, expect_strides, frames_memory, real, shortened


class PyramidalEncoder(nn.Module):
    """Reads a recording with BLSTM layers of which each reads several positions of the one below as one.

        x(l)_j = [h(l-1)_{j·s}; …; h(l-1)_{j·s+s-1}],  h(l) = BLSTM_l(x(l)),  h(0) the frames

    Source: Chan et al. 2016, "Listen, Attend and Spell", arXiv:1508.01211, section 3.1. Its listener is a BLSTM
    and three pyramidal layers on top, joins (1, 2, 2, 2), of 256 features per direction: an eighth of the frames. A
    position that the recording does not fill reads zeros for what is missing.

    Args:
        input_size: features of a frame.
        hidden_size: features of one direction of a layer; `output_size` is twice that.
        joins: s of each layer, what it joins before it reads; as many layers as there are. `stride` is their product.
        layer_dropout, output_dropout: between layers, of the memory.

    Spans are frames: position j covers the `stride` frames from j · stride on, as far as the recording goes. Its value
    depends on all frames. The summary is the mean of the memory.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        joins: Sequence[int] = (1, 2, 2),
        layer_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        expect_strides("PyramidalEncoder", "joins", joins)
        self.input_size, self.output_size, self.state_size = input_size, 2 * hidden_size, 2 * hidden_size
        self.joins, self.stride = tuple(joins), prod(joins)
        sizes = [input_size] + [self.output_size] * (len(joins) - 1)
        self.layers = nn.ModuleList(Blstm(join * size, hidden_size) for join, size in zip(joins, sizes, strict=True))
        self.dropouts = (layer_dropout, output_dropout)

    def forward(self, source: Float[Tensor, "batch frames features"], mask: Bool[Tensor, "batch frames"]) -> Memory:
        """Read the frames, of which the real ones come first. Raises ValueError for a source axis of length 0."""
        states, lengths = expect_frames("PyramidalEncoder.forward", source, mask, self.input_size)
        layer_dropout, output_dropout = self.dropouts if self.training else (0.0, 0.0)
        counts = lengths
        for depth, (layer, join) in enumerate(zip(self.layers, self.joins, strict=True)):
            if depth:
                states = F.dropout(states, layer_dropout, self.training)
            counts = shortened(counts, join)
            states = layer(joined(states, join), counts)
            states = states.masked_fill(~real(counts, states.size(1)).unsqueeze(-1), 0.0)
        return frames_memory(states, lengths, self.stride, output_dropout)


def joined(
    states: Float[Tensor, "batch positions features"], count: int
) -> Float[Tensor, "batch joined joined_features"]:
    """So many neighbours as one position, with zeros behind the last."""
    positions = -(-states.size(1) // count)
    padded = F.pad(states, (0, 0, 0, positions * count - states.size(1)))
    return padded.reshape(len(states), positions, count * states.size(2))
