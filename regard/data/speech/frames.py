"""What the frames of a recording are embedded with."""

from jaxtyping import Float
from torch import Tensor, nn


class Frames(nn.Module):
    """Hands frames on: they are features already.

    Args:
        embedding_dim: features of a frame.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim

    def forward(self, source: Float[Tensor, "batch frames features"]) -> Float[Tensor, "batch frames features"]:
        """The same."""
        return source
