"""Linear encoder of grids: what another network says of each cell, in a few features."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.encoders.cells import cells_memory, expect_pictures
from regard.encoders.memory import Memory


class LinearEncoder(nn.Module):
    """Reads each cell of a grid alone.

        value = norm(W x + b)

    For grids of a pretrained network, which has seen what is around a cell: the annotation vectors of Xu et al. 2015,
    "Show, Attend and Tell", arXiv:1502.03044, section 3.1.1, in fewer features. The memory has a position for each
    cell, row by row; its span is the cell.

    Args:
        input_size: features of a cell.
        output_size: features of a position, without coordinates.
        layer_norm: whether the features of a position are normalised.
        coordinates: whether two more features say where the cell is.
        output_dropout: of the values, in training.

    Spans are boxes in cells: left, upper, right and lower edge. The summary is the mean of the cells.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        *,
        layer_norm: bool = True,
        coordinates: bool = False,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_size, self.coordinates, self.output_dropout = input_size, coordinates, output_dropout
        self.output_size = self.state_size = output_size + 2 * coordinates
        self.project = nn.Linear(input_size, output_size)
        self.norm = nn.LayerNorm(output_size) if layer_norm else nn.Identity()

    def forward(
        self, source: Float[Tensor, "batch rows columns features"], mask: Bool[Tensor, "batch rows columns"]
    ) -> Memory:
        """Read the grids.

        Raises ValueError for an axis of length 0 and for a mask that is not a rectangle in the upper left corner.
        """
        heights, widths = expect_pictures("LinearEncoder.forward", source, mask, self.input_size)
        features = self.norm(self.project(source.masked_fill(~mask.unsqueeze(-1), 0.0)))
        dropout = self.output_dropout if self.training else 0.0
        return cells_memory(features, heights, widths, 1, self.coordinates, dropout)
