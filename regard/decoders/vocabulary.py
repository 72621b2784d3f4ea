"""Both ends of a decoder: target tokens → vectors, and features → logits."""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


class TargetTokens(nn.Module):
    """The target vocabulary, as it is read and as it is answered.

        embed    E y, with dropout
        project  O features + b, with dropout of the features

    Args:
        embedding: E; may be shared with the encoder.
        output: O and b; its weight may be the embedding's. `output.in_features` is the size of the features.
        embedding_dropout, output_dropout: of E y, and of the features.
        barred: a token that no search puts out, as it puts out no padding; its probability is that of the layer.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        output: nn.Linear,
        *,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        barred: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.output = output
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.barred = barred

    @property
    def embedding_size(self) -> int:
        """Features of an embedded token."""
        return self.embedding.embedding_dim

    @property
    def feature_size(self) -> int:
        """Features that the output layer reads."""
        return self.output.in_features

    def embed(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes embedding"]:
        """The vectors of tokens."""
        return F.dropout(self.embedding(tokens), self.embedding_dropout, self.training)

    def project(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        return self.output(self.drop(features))

    def drop(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes features"]:
        """What the output layer multiplies: the features, with dropout."""
        return F.dropout(features, self.output_dropout, self.training)
