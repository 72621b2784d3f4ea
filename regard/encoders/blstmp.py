"""Projected BLSTM with time reduction: the encoder of recordings."""

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.blstm import Blstm
from regard.encoders.memory import Memory
from regard.encoders.strides import expect_frames, expect_strides, frames_memory, shortened


class ProjectedBlstm(nn.Module):
    """A stack of BLSTM layers; each keeps some of its positions and projects them.

        h(l) = BLSTM_l(x(l)),  p(l)_j = W_l h(l)_{j·s_l} + b_l,  x(l+1) = tanh(dropout(p(l)))

    Source: `RNNP` of ESPnet (Watanabe et al. 2018, arXiv:1804.00015), which keeps every s-th position and has no tanh
    behind the last projection. Its lengths, (n + 1) // s, are ⌈n / s⌉ for s = 2 alone; here they are for every s.

    Args:
        input_size: features of a position.
        hidden_size: features of one direction of a layer.
        projection_size: features of a projected position; `output_size`.
        strides: s of each layer; as many layers as there are. `stride` is their product.
        dropout: between layers.

    Masks: padding has no effect; what comes out there means nothing.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        projection_size: int,
        *,
        strides: Sequence[int] = (2, 2, 1),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        expect_strides("ProjectedBlstm", "strides", strides)
        self.output_size, self.strides, self.stride = projection_size, tuple(strides), prod(strides)
        sizes = [input_size] + [projection_size] * (len(strides) - 1)
        self.layers = nn.ModuleList(Blstm(size, hidden_size) for size in sizes)
        self.projections = nn.ModuleList(nn.Linear(2 * hidden_size, projection_size) for _ in strides)
        self.dropout = dropout

    def forward(
        self, states: Float[Tensor, "batch positions input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch kept output"]:
        """The last projection."""
        for depth, (layer, project) in enumerate(zip(self.layers, self.projections, strict=True)):
            if depth:
                states = torch.tanh(F.dropout(states, self.dropout, self.training))
            states = project(layer(states, lengths)[:, :: self.strides[depth]])
            lengths = shortened(lengths, self.strides[depth])
        return states


class BlstmpEncoder(nn.Module):
    """Reads a recording with a `ProjectedBlstm`.

        memory = ProjectedBlstm(frames)

    Args:
        input_size: features of a frame.
        hidden_size, projection_size, strides: as in `ProjectedBlstm`. 2, 2, 1 leave a quarter of the frames, and have
            the second layer read a half of them and the third a quarter.
        layer_dropout, output_dropout: between layers, of the memory.

    Spans are frames: position j covers the `stride` frames from j · stride on, as far as the recording goes. Its value
    depends on all frames. The summary is the mean of the memory.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        projection_size: int,
        *,
        strides: Sequence[int] = (2, 2, 1),
        layer_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.output_size, self.state_size = input_size, projection_size, projection_size
        self.layers = ProjectedBlstm(input_size, hidden_size, projection_size, strides=strides, dropout=layer_dropout)
        self.stride = self.layers.stride
        self.output_dropout = output_dropout

    def forward(self, source: Float[Tensor, "batch frames features"], mask: Bool[Tensor, "batch frames"]) -> Memory:
        """Read the frames, of which the real ones come first. Raises ValueError for a source axis of length 0."""
        frames, lengths = expect_frames("BlstmpEncoder.forward", source, mask, self.input_size)
        states = self.layers(frames, lengths)
        return frames_memory(states, lengths, self.stride, self.output_dropout if self.training else 0.0)
