"""A source with two numbers at each position, of which an encoder reads the first."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn


class TokenColumn(nn.Module):
    """Embeds the source tokens of a source that can be copied.

        E x[..., 0]

    The second number of a position is what it would be as a target token, see `data.copying`; the output layer reads
    it.

    Args:
        embedding: E; may be shared with the decoder.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding: Any = embedding

    @property
    def embedding_dim(self) -> int:
        """Features of an embedded token."""
        size: int = self.embedding.embedding_dim
        return size

    def forward(self, source: Int[Tensor, "batch source 2"]) -> Float[Tensor, "batch source embedding"]:
        """The vectors of the tokens."""
        vectors: Tensor = self.embedding(source[..., 0])
        return vectors
