"""The output layer of labels: exactly one, then the end."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.decoders.output import Readout, real_rows
from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies, cross_entropies
from regard.kernels.logits import best_of
from regard.marks import END, UNKNOWN


class LabelOutput(nn.Module):
    """One matrix over the features gives the label; behind it stands the end, which is certain.

        logits = W f + b    of the labels, where the last feature is 0;   the end alone, where it is 1

    So the probability of an output is that of its label. Beside the labels stands UNKNOWN, for a label that training
    did not see: a pair with one has a finite cost, and no search puts it out.

    Args:
        feature_size: of the features, with the last, which says that the label is written: see `PoolingDecoder`.
        size: entries of the vocabulary.
        dropout: of f, in training.

    Raises ValueError where there is no feature but the last.
    """

    def __init__(self, feature_size: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if feature_size < 2:
            raise ValueError(
                f"LabelOutput: feature_size is {feature_size}; expected at least 2, since the last feature says that "
                "the label is written. Raise readout_size."
            )
        self.project = nn.Linear(feature_size - 1, size - UNKNOWN)
        self.dropout = dropout

    @property
    def feature_size(self) -> int:
        """Features that it reads."""
        return self.project.in_features + 1

    @property
    def size(self) -> int:
        """Entries of the vocabulary."""
        return self.project.out_features + UNKNOWN

    def begin(self, memory: Memory) -> None:
        """Nothing: it reads features alone."""

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Log-probabilities, up to a constant of each position; -inf for marks, but for the end in its place."""
        labels = F.pad(self._labels(read.features), (UNKNOWN, 0), value=-torch.inf)
        end = torch.full_like(labels, -torch.inf)
        end[..., END] = 0.0
        return torch.where(self._written(read.features).unsqueeze(-1), end, labels)

    def topk(
        self, read: Readout, width: int, barred: int | None = None
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """From all logits."""
        return best_of(self.logits(read), width, barred)

    def loss(
        self,
        read: Readout,
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        smoothing: float = 0.0,
        agreement: float = 0.0,
    ) -> CrossEntropies:
        """Of the labels; smoothing spreads over labels alone. The end, which is certain, costs nothing. A target is one
        label and the end."""
        features, right = real_rows(mask, read.features, targets)
        named = (~self._written(features)).nonzero().squeeze(1)
        costs = cross_entropies(self._labels(features[named]), right[named] - UNKNOWN, smoothing, agreement)
        losses, nll = (each.new_zeros(len(right)).index_copy(0, named, each) for each in (costs.losses, costs.nll))
        return CrossEntropies(costs.total, losses, nll)

    def _labels(self, features: Tensor) -> Tensor:
        """Logits of the labels, that of unseen ones first."""
        logits: Tensor = self.project(F.dropout(features[..., :-1], self.dropout, self.training))
        return logits

    def _written(self, features: Float[Tensor, "*axes features"]) -> Bool[Tensor, "*axes"]:
        return features[..., -1] > 0.5
