"""An encoder of features, over whatever its source is embedded with."""

from typing import Any

from jaxtyping import Bool, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.memory import Memory


class EmbeddedEncoder(nn.Module):
    """What a source is embedded with, and an encoder that reads frames, or pixels.

        memory = encoder(dropout(embedding(source)))

    Args:
        embedding: source → (batch, …, features): the frames of a recording as they are, token numbers through
            `nn.Embedding`, the colours of a picture.
        encoder: features and mask → Memory.
        dropout: of the features.

    Attributes:
        receptive_field: how many input positions before its cell, and behind it, the convolutions of a position see;
            None where there are no convolutions, or all is seen.
    """

    def __init__(self, embedding: Any, encoder: Any, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.dropout = dropout
        self.output_size, self.state_size = encoder.output_size, encoder.state_size
        self.receptive_field: tuple[int, int] | None = getattr(encoder, "receptive_field", None)

    def forward(self, source: Shaped[Tensor, "batch ..."], mask: Bool[Tensor, "batch ..."]) -> Memory:
        """Read the source. Raises ValueError for a source axis of length 0."""
        memory: Memory = self.encoder(F.dropout(self.embedding(source), self.dropout, self.training), mask)
        return memory
