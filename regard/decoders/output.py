"""The output layer: from what a decoder comes to at a target position, to the probability of each next token.

Output        what every output layer can do; training and search know no more of it
LinearOutput  W f + b
"""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies, cross_entropies, linear_cross_entropy
from regard.kernels.logits import best_of


@runtime_checkable
class Readout(Protocol):
    """What an output layer may read of target positions: an `Advance` of one step, where the axes are (rows), or an
    `Unrolled` of a known target, where they are (batch, target). A row is a hypothesis, or a sentence of the batch."""

    @property
    def features(self) -> Float[Tensor, "*axes features"]:
        """What the decoder makes of its state, of what it attended, and mostly of the token before."""

    @property
    def weights(self) -> Float[Tensor, "*axes source"]:
        """The attention weights of each position. All zeros without attention; of several heads the mean."""

    @property
    def source(self) -> Any:
        """What `Output.begin` kept of the source of each row."""


@runtime_checkable
class Output(Protocol):
    """An output layer: one of the table `OUTPUTS`.

        p(y) = exp logits(y) / Σ(v) exp logits(v)

    A layer that makes probabilities itself, such as a mixture, gives their logarithms as its logits.

    A layer reads a `Readout`. Features are enough for most. One that copies from the source, `pointer_generator.py`,
    also has the attention weights, and keeps in `begin` what each source position would be as a target token:
    `memory.source` has it, see `data.copying`. The context is `weights @ values` of the memory. It may give logits of
    more tokens than `size`, source words outside the vocabulary; its section then says `copies`.

    Not here is what changes with every token that is chosen, such as the prefix scores of CTC. That is the state of a
    step function of its own, which search combines with the decoder's.
    """

    @property
    def feature_size(self) -> int:
        """Features that it reads."""

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""

    def begin(self, memory: Memory) -> Any:
        """What it keeps of the sources, once per batch; None where it reads no `source`.

        A record whose row r belongs to sentence r. Search takes rows of it by `select(rows)`, as of any `State`, and
        puts the rows of another batch behind them by `join(other)`. After a `join`, `weights` leave out the last
        positions where they are real in no row: cut or pad what is kept to their width.
        """

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Log-probabilities, up to a constant of each position."""

    def topk(
        self, read: Readout, width: int, barred: int | None = None
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """Log-probabilities and numbers of the `width` best tokens of each row, as `best_of` finds them in the logits.

        Args:
            read: of one step.
            width: how many.
            barred: a token that is never among the best; it keeps its probability.
        """

    def loss(
        self,
        read: Readout,
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        smoothing: float = 0.0,
        agreement: float = 0.0,
    ) -> CrossEntropies:
        """What the real tokens cost, row by row; `loss_of_logits` computes it for a layer that knows no shorter way.

        Args:
            read: of a known target.
            targets: right answers.
            mask: True where a target is real.
            smoothing: the share of the probability that is spread over the whole vocabulary.
            agreement: α of R-Drop, see `kernels.agreement`: the rows are two passes of the same targets, one half after
                the other, and each token also costs half of α D. 0 for rows of one pass.
        """


class LinearOutput(nn.Module):
    """One matrix over the features.

        logits = W f + b

    The loss does not hold the logits of the batch, see `linear_cross_entropy`.

    Args:
        feature_size: of f.
        size: entries of the vocabulary.
        dropout: of f, in training.
        tied: an embedding of which W is the weight (Press & Wolf 2017, arXiv:1608.05859); None for a weight of its own.

    Raises ValueError where the embedding has another size.
    """

    def __init__(self, feature_size: int, size: int, *, dropout: float = 0.0, tied: nn.Embedding | None = None) -> None:
        super().__init__()
        layer = nn.Linear(feature_size, size)
        if tied is not None and tied.weight.shape != layer.weight.shape:
            raise ValueError(
                f"LinearOutput: tied has {tied.num_embeddings} vectors of {tied.embedding_dim}; expected {size} of "
                f"{feature_size}. Give readout and embedding the same size."
            )
        self.weight = layer.weight if tied is None else tied.weight
        self.bias = layer.bias
        self.dropout = dropout

    @property
    def feature_size(self) -> int:
        """Features that it reads."""
        return self.weight.size(1)

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return self.weight.size(0)

    def begin(self, memory: Memory) -> None:
        """Nothing: it reads features alone."""

    def forward(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of features alone."""
        return F.linear(self._drop(features), self.weight, self.bias)

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        logits: Tensor = self(read.features)
        return logits

    def topk(
        self, read: Readout, width: int, barred: int | None = None
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """From all logits. The compiled layer of a model for inference has a shorter way."""
        return best_of(self.logits(read), width, barred)

    def loss(
        self,
        read: Readout,
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        smoothing: float = 0.0,
        agreement: float = 0.0,
    ) -> CrossEntropies:
        """By `linear_cross_entropy`."""
        # Real tokens are picked before the projection onto the vocabulary, which is half the cost of a step.
        features, chosen = real_rows(mask, read.features, targets)
        return linear_cross_entropy(self._drop(features), self.weight, self.bias, chosen, smoothing, agreement)

    def _drop(self, features: Tensor) -> Tensor:
        return F.dropout(features, self.dropout, self.training)


def loss_of_logits(
    logits: Float[Tensor, "batch target vocab"],
    targets: Int[Tensor, "batch target"],
    mask: Bool[Tensor, "batch target"],
    smoothing: float = 0.0,
    agreement: float = 0.0,
) -> CrossEntropies:
    """`Output.loss` from all logits."""
    chosen, right = real_rows(mask, logits, targets)
    return cross_entropies(chosen, right, smoothing, agreement)


def real_rows(mask: Bool[Tensor, "batch target"], *tensors: Tensor) -> list[Tensor]:
    """The real positions of tensors that begin with batch and target, row by row."""
    real = mask.flatten().nonzero().squeeze(1)  # an index is twice as fast as a mask, both ways
    return [each.flatten(0, 1).index_select(0, real) for each in tensors]
