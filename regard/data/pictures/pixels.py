"""What the pixels of a picture are embedded with."""

from jaxtyping import Float, UInt8
from torch import Tensor, nn


class Pixels(nn.Module):
    """Colours from -1 to 1.

        y = x / 127.5 - 1

    Attributes:
        embedding_dim: 3: red, green, blue.
    """

    embedding_dim = 3

    def forward(self, source: UInt8[Tensor, "batch height width 3"]) -> Float[Tensor, "batch height width 3"]:
        """Of each pixel."""
        return source.float() / 127.5 - 1.0
