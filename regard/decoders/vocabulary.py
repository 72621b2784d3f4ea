"""Both ends of a decoder: target tokens → vectors, and the output layer."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.decoders.output import Output, Readout
from regard.marks import UNKNOWN


class TargetTokens(nn.Module):
    """The target vocabulary, as it is read and as it is answered.

        embed    E y, with dropout
        logits   of the output layer

    Args:
        embedding: E; may be shared with the encoder.
        output: the output layer, which may share E's weight. `output.feature_size` is the size of the features.
        embedding_dropout: of E y.
        barred: a token that no search puts out, as it puts out no padding; its probability is that of the layer.
        copies: whether the output layer gives tokens that E does not have, words of the source; they are read as
            UNKNOWN.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        output: Output,
        *,
        embedding_dropout: float = 0.0,
        barred: int | None = None,
        copies: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.output: Any = output  # an `Output`; Protocol and Module cannot be named at once
        self.embedding_dropout = embedding_dropout
        self.barred = barred
        self.copies = copies

    @property
    def embedding_size(self) -> int:
        """Features of an embedded token."""
        return self.embedding.embedding_dim

    @property
    def feature_size(self) -> int:
        """Features that the output layer reads."""
        size: int = self.output.feature_size
        return size

    def embed(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes embedding"]:
        """The vectors of tokens."""
        return F.dropout(self.vectors(tokens), self.embedding_dropout, self.training)

    def vectors(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes embedding"]:
        """E y, without dropout."""
        if self.copies:
            tokens = tokens.masked_fill(tokens >= self.embedding.num_embeddings, UNKNOWN)
        vectors: Tensor = self.embedding(tokens)
        return vectors

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Logits of the output layer."""
        logits: Tensor = self.output.logits(read)
        return logits
