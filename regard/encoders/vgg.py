"""Convolutions over time and frequency in front of a projected BLSTM."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.blstmp import ProjectedBlstm
from regard.encoders.memory import Memory
from regard.encoders.strides import expect_frames, expect_strides, frames_memory, real, receptive_field, shortened


class Vgg(nn.Module):
    """Blocks of two 3 × 3 convolutions and a pool over time and frequency.

        x ← pool(relu(conv(relu(conv(x)))))

    Source: Simonyan & Zisserman 2015, arXiv:1409.1556; over spectra Hori et al. 2017, arXiv:1706.02737:
    64 and 64 channels, pool 2, 128 and 128 channels, pool 2. What fills a pool in part counts (⌈n / pool⌉).

    Args:
        input_size: features of a frame: `input_channels` times the bands.
        input_channels: kinds of features that stand behind each other, such as 3 for log-mel, Δ and ΔΔ.
        channels: of the two convolutions of each block.
        pools: of each block, over both time and frequency. `stride` is their product.

    Attributes:
        output_size: last channels times the bands that are left.
        receptive_field: frames before its cell, and behind it, that can change a position; exact.

    Masks: after every convolution what stands at padding is zero again, by the lengths of that layer. Else bias and
    ReLU would fill it, and the next convolution would carry it into the last real frames.
    """

    def __init__(
        self,
        input_size: int,
        *,
        input_channels: int = 1,
        channels: Sequence[int] = (64, 128),
        pools: Sequence[int] = (2, 2),
    ) -> None:
        super().__init__()
        expect_strides("Vgg", "pools", pools)
        if len(channels) != len(pools):
            raise ValueError(
                f"Vgg: channels are {list(channels)} and pools {list(pools)}; expected as many of each. "
                "Give one per block."
            )
        if input_size % input_channels:
            raise ValueError(
                f"Vgg: input_size is {input_size} and input_channels is {input_channels}; expected a multiple. "
                "Give the number of kinds of features in a frame."
            )
        self.input_size, self.input_channels, self.pools, self.stride = input_size, input_channels, tuple(pools), 1
        bands, layers = input_size // input_channels, list[tuple[int, int, int]]()
        for pool in pools:
            bands, self.stride = -(-bands // pool), self.stride * pool
            layers += [(3, 1, 1), (3, 1, 1), (pool, pool, 0)]
        self.output_size = channels[-1] * bands
        self.receptive_field = receptive_field(layers)
        sizes = pairwise([input_channels, *channels])
        self.first = nn.ModuleList(nn.Conv2d(below, size, 3, padding=1) for below, size in sizes)
        self.second = nn.ModuleList(nn.Conv2d(size, size, 3, padding=1) for size in channels)

    def forward(
        self, frames: Float[Tensor, "batch frames features"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch positions output"]:
        """Read frames that are zero at padding."""
        bands = self.input_size // self.input_channels
        pixels = frames.reshape(*frames.shape[:2], self.input_channels, bands).transpose(1, 2)
        for first, second, pool in zip(self.first, self.second, self.pools, strict=True):
            padding = ~real(lengths, pixels.size(2))[:, None, :, None]
            for convolve in (first, second):
                pixels = F.relu(convolve(pixels)).masked_fill(padding, 0.0)
            # Nothing is below 0 here, so that the zeros of padding never are the largest but beside other zeros.
            pixels = F.max_pool2d(pixels, pool, ceil_mode=True)
            lengths = shortened(lengths, pool)
        return pixels.transpose(1, 2).flatten(2)


class VggBlstmpEncoder(nn.Module):
    """Reads a recording with a `Vgg` and a `ProjectedBlstm` on top of it.

        memory = ProjectedBlstm(Vgg(frames))

    Source: Hori et al. 2017, arXiv:1706.02737; ESPnet's `vggblstmp`.

    Args:
        vgg: whose frames are read.
        hidden_size, projection_size, strides: as in `ProjectedBlstm`; the stride of a position is that of both.
        layer_dropout, output_dropout: between BLSTM layers, of the memory.

    Spans are frames: position j covers the `stride` frames from j · stride on, as far as the recording goes. Its value
    depends on all frames: `vgg.receptive_field` is what the convolutions alone see. The summary is the mean of the
    memory.
    """

    def __init__(
        self,
        vgg: Vgg,
        hidden_size: int,
        projection_size: int,
        *,
        strides: Sequence[int] = (1, 1, 1),
        layer_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_size = self.state_size = projection_size
        self.vgg, self.receptive_field = vgg, vgg.receptive_field
        self.layers = ProjectedBlstm(
            vgg.output_size, hidden_size, projection_size, strides=strides, dropout=layer_dropout
        )
        self.stride = vgg.stride * self.layers.stride
        self.output_dropout = output_dropout

    def forward(self, source: Float[Tensor, "batch frames features"], mask: Bool[Tensor, "batch frames"]) -> Memory:
        """Read the frames, of which the real ones come first. Raises ValueError for a source axis of length 0."""
        frames, lengths = expect_frames("VggBlstmpEncoder.forward", source, mask, self.vgg.input_size)
        states = self.layers(self.vgg(frames, lengths), shortened(lengths, self.vgg.stride))
        return frames_memory(states, lengths, self.stride, self.output_dropout if self.training else 0.0)
