"""What sources are embedded with that are features already: frames, and the cells of a grid."""

from jaxtyping import Float
from torch import Tensor, nn


class Frames(nn.Module):
    """Hands frames on, or cells.

    Args:
        embedding_dim: features of one.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim

    def forward(self, source: Float[Tensor, "batch ... features"]) -> Float[Tensor, "batch ... features"]:
        """The same."""
        return source
