"""The output layer of a decoder that sums over alignments: its features are log-probabilities already."""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.decoders.output import LinearOutput, Readout, loss_of_logits
from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies
from regard.kernels.logits import best_of


class MarginalOutput(nn.Module):
    """Hands on the log-probabilities that the decoder mixed, and holds the layer that the decoder asks position by
    position.

        logits = f,  where f = log Σ(j) p(j) softmax(W g(j) + b)

    Args:
        linear: W and b. The decoder applies it to the features g(j) of each source position.
    """

    def __init__(self, linear: LinearOutput) -> None:
        super().__init__()
        self.linear = linear

    @property
    def feature_size(self) -> int:
        """Log-probabilities that it reads: one for each entry of the vocabulary."""
        return self.linear.size

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return self.linear.size

    def begin(self, memory: Memory) -> None:
        """Nothing: the decoder has read the source."""

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """The log-probabilities."""
        return read.features

    def topk(
        self, read: Readout, width: int, barred: int | None = None
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """From all of them."""
        return best_of(read.features, width, barred)

    def loss(
        self,
        read: Readout,
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        smoothing: float = 0.0,
        agreement: float = 0.0,
    ) -> CrossEntropies:
        """From all of them."""
        return loss_of_logits(read.features, targets, mask, smoothing, agreement)
