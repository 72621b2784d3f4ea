"""Where positions are the cells of a picture: its sizes, its boxes, and the memory, row by row.

Position p of a picture w cells wide is its cell (p // w, p % w), whatever the size of the others in the batch.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.check import expect_mask, expect_shape
from regard.encoders.memory import Memory
from regard.encoders.strides import cells, real, shortened


def expect_pictures(
    place: str, source: Float[Tensor, "..."], mask: Bool[Tensor, "..."], channels: int
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Height and width of each picture.

    Raises ValueError or TypeError for shapes or types that do not fit, for an axis of length 0, and for a mask that is
    not a rectangle in the upper left corner.
    """
    axes = ("batch", "height", "width", channels)
    expect_shape(place, "source", source, axes, "Put the channels last, as many as it was made for.")
    expect_shape(place, "mask", mask, tuple(source.shape[:3]), "Give one entry per pixel.")
    expect_mask(place, mask)
    if 0 in source.shape[1:3]:
        raise ValueError(
            f"{place}: source has shape {tuple(source.shape)}; expected at least one pixel. "
            "Leave out a picture without pixels."
        )
    heights, widths = mask.any(2).sum(1), mask.any(1).sum(1)
    if not torch.equal(mask, rectangle(heights, widths, *mask.shape[1:])):
        raise ValueError(
            f"{place}: mask is not one rectangle in the upper left corner of each picture. "
            "Pad pictures on the right and below."
        )
    return heights, widths


def cells_memory(
    features: Float[Tensor, "batch rows columns features"],
    heights: Int[Tensor, " batch"],
    widths: Int[Tensor, " batch"],
    stride: int,
    coordinates: bool,
    dropout: float,
) -> Memory:
    """The memory of pictures: one position for each cell, and its box in the pixels of the input.

    Args:
        features: of the cells; what stands at padding does not count.
        heights, widths: of the pictures, in pixels of the input.
        stride: pixels of a side of a cell.
        coordinates: whether two more features say where the middle of the cell is.
        dropout: of the values; 0 outside training.

    The summary is the mean of the cells.
    """
    rows, columns = shortened(heights, stride), shortened(widths, stride)
    (height, width), counts = features.shape[1:3], rows * columns
    order, known = _order(columns, height, width), real(counts, height * width)
    values = _chosen(features.flatten(1, 2), order)
    boxes = _chosen(_boxes(heights, widths, height, width, stride), order)
    if coordinates:
        values = torch.cat([values, middles(boxes, heights, widths).to(values.dtype)], -1)
    values = values.masked_fill(~known.unsqueeze(-1), 0.0)
    summary = values.sum(1) / counts.clamp(min=1).unsqueeze(1)
    values = F.dropout(values, dropout, dropout > 0)
    return Memory(values, values, known, summary, boxes.masked_fill(~known.unsqueeze(-1), 0))


def rectangle(
    heights: Int[Tensor, " batch"], widths: Int[Tensor, " batch"], height: int, width: int
) -> Bool[Tensor, "batch height width"]:
    """The mask of pictures of these sizes."""
    return real(heights, height).unsqueeze(2) & real(widths, width).unsqueeze(1)


def middles(
    boxes: Int[Tensor, "batch cells 4"], heights: Int[Tensor, " batch"], widths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch cells 2"]:
    """How far right and how far down the middle of each box is, from -1 to 1 over the size of its picture."""
    sizes = torch.stack([widths, heights], -1).clamp(min=1).unsqueeze(1)
    return (boxes[..., :2] + boxes[..., 2:]) / sizes - 1.0


def _order(columns: Int[Tensor, " batch"], height: int, width: int) -> Int[Tensor, "batch cells"]:
    """Where the cells of each picture stand among those of the batch, row by row of the picture."""
    places = torch.arange(height * width, device=columns.device)
    across = columns.clamp(min=1).unsqueeze(1)
    return (places // across * width + places % across).clamp(max=height * width - 1)


def _boxes(
    heights: Int[Tensor, " batch"], widths: Int[Tensor, " batch"], height: int, width: int, stride: int
) -> Int[Tensor, "batch cells 4"]:
    """Of every cell of the batch."""
    across, down = cells(widths, stride, width), cells(heights, stride, height)
    across, down = across[:, None].expand(-1, height, -1, -1), down[:, :, None].expand(-1, -1, width, -1)
    return torch.cat([across, down], -1)[..., [0, 2, 1, 3]].flatten(1, 2)


def _chosen(rows: Tensor, order: Int[Tensor, "batch cells"]) -> Tensor:
    """The cells in this order."""
    return rows.gather(1, order.unsqueeze(-1).expand(-1, -1, rows.size(2)))
