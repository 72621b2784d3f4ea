"""Where a layer takes steps of several positions: what becomes of lengths, masks and spans.

All of them are functions of the row's own length alone: neither padding nor the rest of the batch has a say. Layers
with the strides a and b are one with the stride ab, since ⌈⌈n / a⌉ / b⌉ = ⌈n / ab⌉.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.check import expect_mask, expect_shape
from regard.encoders.memory import Memory


def shortened(lengths: Int[Tensor, " batch"], stride: int) -> Int[Tensor, " batch"]:
    """⌈n / stride⌉: a cell that has one real position is real."""
    return (lengths + stride - 1) // stride


def real(lengths: Int[Tensor, " batch"], positions: int) -> Bool[Tensor, "batch positions"]:
    """The mask of so many positions."""
    return torch.arange(positions, device=lengths.device) < lengths.unsqueeze(1)


def cells(lengths: Int[Tensor, " batch"], stride: int, positions: int) -> Int[Tensor, "batch positions 2"]:
    """Where the cell of each position begins and ends in the input: [j · stride, (j + 1) · stride), within the length.

    The cells of a row tile its input. Those of padding are empty.
    """
    edges = torch.arange(positions + 1, device=lengths.device) * stride
    edges = torch.minimum(edges.unsqueeze(0), lengths.unsqueeze(1))
    return torch.stack([edges[:, :-1], edges[:, 1:]], -1)


def receptive_field(layers: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """How many input positions before its cell, and behind it, can change the value of a position.

    Args:
        layers: kernel, stride and padding in front, of each convolution or pool, from the input on.
    """
    first, last, step = 0, 0, 1  # position j reads the inputs j · step + first to j · step + last
    for kernel, stride, padding in layers:
        first, last, step = first - padding * step, last + (kernel - 1 - padding) * step, step * stride
    return -first, last - (step - 1)


def expect_strides(place: str, name: str, strides: Sequence[int]) -> None:
    """Raise ValueError unless there is a stride, and each is at least 1."""
    if not strides or min(strides) < 1:
        raise ValueError(
            f"{place}: {name} are {list(strides)}; expected one number of at least 1 per layer. Try 2, 2, 1."
        )


def expect_frames(
    place: str, source: Float[Tensor, "..."], mask: Bool[Tensor, "..."], input_size: int
) -> tuple[Float[Tensor, "batch frames features"], Int[Tensor, " batch"]]:
    """The frames, with zeros at padding whatever stood there, and the length of each row.

    Raises ValueError or TypeError for shapes or types that do not fit, and for a source axis of length 0.
    """
    expect_shape(place, "source", source, ("batch", "frames", input_size), "Set input_size to the features of a frame.")
    expect_shape(place, "mask", mask, tuple(source.shape[:2]), "Give one entry per frame.")
    expect_mask(place, mask)
    if source.size(1) == 0:
        raise ValueError(
            f"{place}: source has shape {tuple(source.shape)}; expected at least one frame. "
            "Leave out a recording without frames."
        )
    return source.masked_fill(~mask.unsqueeze(-1), 0.0), mask.sum(1)


def frames_memory(
    states: Float[Tensor, "batch positions features"], lengths: Int[Tensor, " batch"], stride: int, dropout: float
) -> Memory:
    """The memory of a recording: one position per stride.

    Args:
        states: of the last layer.
        lengths: real frames of the input, before the first stride.
        stride: frames that one position stands for.
        dropout: of the values; 0 outside training.

    The summary is the mean of the real positions. Values are zero at padding.
    """
    counts = shortened(lengths, stride)
    mask = real(counts, states.size(1))
    states = states.masked_fill(~mask.unsqueeze(-1), 0.0)
    summary = states.sum(1) / counts.clamp(min=1).unsqueeze(1)
    values = F.dropout(states, dropout, dropout > 0)
    return Memory(values, values, mask, summary, cells(lengths, stride, states.size(1)))
