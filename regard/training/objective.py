"""The loss that training minimises: cross-entropy with label smoothing."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.output import Readout
from regard.decoders.step import Unrolled
from regard.kernels.linear_cross_entropy import CrossEntropies


@dataclass(frozen=True)
class Loss:
    """Sums over the real target tokens of one batch; the loop divides by the tokens of the whole update.

    Args:
        total: the loss to differentiate.
        nll: negative log-probability of the target in nats, without smoothing; no gradient.
        tokens: number of target tokens in both sums, end marks included.
    """

    total: Float[Tensor, ""]
    nll: Float[Tensor, ""]
    tokens: int


class CrossEntropy(nn.Module):
    """Cross-entropy with label smoothing.

        total = Σ over real tokens: -(1-ε) log p(y) - ε/V Σ(v) log p(v)

    Source: Szegedy et al. 2016, arXiv:1512.00567, section 7. An objective is a module, so that its state (a baseline)
    is saved as its buffers; this one has no state.

    Args:
        smoothing: ε, the share of the probability that is spread over the whole vocabulary.
        agreement: α of R-Drop; the rows of a batch are then two passes of the same pairs, as `TwoPasses` gives them.
    """

    def __init__(self, smoothing: float = 0.0, agreement: float = 0.0) -> None:
        super().__init__()
        self.smoothing = expect_smoothing("CrossEntropy", smoothing)
        self.agreement = agreement

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch. `model(batch, temperature)` gives the input of `model.tokens.output`."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The loss of a batch, from the output of the model for it."""
        costs = cross_entropies(model, unrolled, batch, self.smoothing, self.agreement)
        return Loss(costs.total, costs.nll.sum(), len(costs.nll))


def cross_entropies(
    model: Any, read: Readout, batch: Batch, smoothing: float = 0.0, agreement: float = 0.0
) -> CrossEntropies:
    """The cross-entropy of each real target token of a batch, from the model's output layer; all steps at once."""
    costs: CrossEntropies = model.tokens.output.loss(read, batch.targets, batch.target_mask, smoothing, agreement)
    return costs


def expect_smoothing(place: str, smoothing: float) -> float:
    """The smoothing. Raises ValueError if it is not in 0 ≤ smoothing < 1."""
    if not 0 <= smoothing < 1:
        raise ValueError(f"{place}: smoothing is {smoothing}; expected 0 ≤ smoothing < 1. Try 0.1.")
    return smoothing
