"""Convolutional network over pictures: one position per cell of a grid."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.cells import cells_memory, expect_pictures, rectangle
from regard.encoders.memory import Memory
from regard.encoders.strides import expect_strides, receptive_field, shortened

EPSILON = 1e-5


class MaskedGroupNorm(nn.Module):
    """Group normalisation over the real pixels of each picture.

        y = (x - mean) / √(variance + ε) · weight + bias

    Source: Wu & He 2018, arXiv:1803.08494. Mean and variance are those of a group of channels over the
    picture's own pixels: padding is not counted, and other pictures of the batch have no say, in training either.

    Args:
        groups: of channels.
        channels: a multiple of the groups.
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(
                f"MaskedGroupNorm: channels is {channels} and groups is {groups}; expected a multiple. "
                "Give fewer groups."
            )
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(
        self, pixels: Float[Tensor, "batch channels height width"], mask: Bool[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Normalise; what comes out at padding means nothing."""
        if mask.all():  # the same function in one pass, where pictures have one size
            return torch.group_norm(pixels, self.groups, self.weight, self.bias, EPSILON)
        each = pixels.size(1) // self.groups
        counts = (mask.sum((2, 3)) * each).clamp(min=1)  # (batch, 1)
        means = self._sums(pixels.masked_fill(~mask, 0.0)) / counts
        centered = pixels - means.repeat_interleave(each, 1)[:, :, None, None]
        variances = self._sums(centered.masked_fill(~mask, 0.0).square()) / counts
        scales = (variances + EPSILON).rsqrt().repeat_interleave(each, 1) * self.weight
        return centered * scales[:, :, None, None] + self.bias[:, None, None]

    def _sums(self, pixels: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch groups"]:
        """Of each group of channels over all pixels."""
        return pixels.sum((2, 3)).view(len(pixels), self.groups, -1).sum(2)


class GridEncoder(nn.Module):
    """Reads a picture with blocks of one 3 × 3 convolution.

        x ← relu(norm(conv(x)))

    The memory has a position for each cell of the last block, row by row: the annotation vectors of Xu et al. 2015,
    "Show, Attend and Tell", arXiv:1502.03044, section 3.1.1, from a network that is trained along with the decoder.

    Args:
        input_channels: 3 for colours, 1 for grey.
        channels: of each block; `output_size` is the last, and 2 more with `coordinates`.
        strides: of each block, over both axes. `stride` is their product, the pixels of the side of a cell.
        groups: of each `MaskedGroupNorm`.
        coordinates: give each position two more features: how far right and how far down the middle of its cell is,
            from -1 to 1 over the picture's own width and height. A convolution sees what is around a pixel, and not
            where that is. Source: Liu et al. 2018, arXiv:1807.03247, who give them to a convolution.
        output_dropout: of the memory.

    Attributes:
        receptive_field: pixels before its cell, and behind it, that the convolutions of a position see, on either axis.
            Through the means and variances of the norms every position depends on the whole picture besides.

    Masks: a picture fills the upper left corner; after every block what stands at padding is zero again, by the sizes
    of that block. The cells of a picture come first in its row of the memory, whatever the size of the others, so that
    position p of a picture w cells wide is its cell (p // w, p % w).

    Spans are boxes in pixels: left, upper, right and lower edge, the right and the lower being the first pixel outside.
    The summary is the mean of the cells.
    """

    def __init__(
        self,
        input_channels: int = 3,
        *,
        channels: Sequence[int] = (32, 64, 128, 128, 256),
        strides: Sequence[int] = (2, 2, 2, 1, 1),
        groups: int = 8,
        coordinates: bool = False,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        expect_strides("GridEncoder", "strides", strides)
        if len(channels) != len(strides):
            raise ValueError(
                f"GridEncoder: channels are {list(channels)} and strides {list(strides)}; expected as many of each. "
                "Give one per block."
            )
        self.input_channels, self.coordinates = input_channels, coordinates
        self.strides, self.stride = tuple(strides), prod(strides)
        self.output_size = self.state_size = channels[-1] + 2 * coordinates
        self.receptive_field = receptive_field([(3, stride, 1) for stride in strides])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(below, size, 3, stride, padding=1, bias=False)  # the norm has a bias
            for (below, size), stride in zip(pairwise([input_channels, *channels]), strides, strict=True)
        )
        self.norms = nn.ModuleList(MaskedGroupNorm(groups, size) for size in channels)
        self.output_dropout = output_dropout

    def forward(
        self, source: Float[Tensor, "batch height width channels"], mask: Bool[Tensor, "batch height width"]
    ) -> Memory:
        """Read the pictures.

        Raises ValueError for an axis of length 0 and for a mask that is not a rectangle in the upper left corner.
        """
        heights, widths = expect_pictures("GridEncoder.forward", source, mask, self.input_channels)
        whole = bool(mask.all())  # then there is nothing to fill, which would take as long as the convolutions
        pixels = (source if whole else source.masked_fill(~mask.unsqueeze(-1), 0.0)).permute(0, 3, 1, 2)
        rows, columns = heights, widths
        for convolve, normalize, stride in zip(self.convolutions, self.norms, self.strides, strict=True):
            pixels = convolve(pixels)
            rows, columns = shortened(rows, stride), shortened(columns, stride)
            inside = rectangle(rows, columns, pixels.size(2), pixels.size(3)).unsqueeze(1)
            pixels = F.relu(normalize(pixels, inside))
            pixels = pixels if whole else pixels.masked_fill(~inside, 0.0)
        features = pixels.permute(0, 2, 3, 1)
        dropout = self.output_dropout if self.training else 0.0
        return cells_memory(features, heights, widths, self.stride, self.coordinates, dropout)
