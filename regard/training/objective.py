"""What training makes small."""

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
        total: what to go backward from.
        nll: negative log-probability of the target in nats, without smoothing; no gradient.
        tokens: how many target tokens both are sums over, end marks included.
    """

    total: Float[Tensor, ""]
    nll: Float[Tensor, ""]
    tokens: int


class CrossEntropy(nn.Module):
    """Cross-entropy with label smoothing.

        total = Σ over real tokens: -(1-ε) log p(y) - ε/V Σ(v) log p(v)

    Source: Szegedy et al. 2016, arXiv:1512.00567, section 7. An objective is a module, so that what one remembers
    (a baseline) is saved as its buffers; this one remembers nothing.

    Args:
        smoothing: ε, the share of the probability that is spread over the whole vocabulary.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = expect_smoothing("CrossEntropy", smoothing)

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch; a model maps it and a temperature to what the output layer of its `tokens` reads."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The same, of what the model made of the batch."""
        costs = cross_entropies(model, unrolled, batch, self.smoothing)
        return Loss(costs.total, costs.nll.sum(), len(costs.nll))


def cross_entropies(model: Any, read: Readout, batch: Batch, smoothing: float = 0.0) -> CrossEntropies:
    """What the real tokens of a batch cost, row by row, by the model's output layer, which reads all steps of them."""
    costs: CrossEntropies = model.tokens.output.loss(read, batch.targets, batch.target_mask, smoothing)
    return costs


def expect_smoothing(place: str, smoothing: float) -> float:
    """The smoothing; ValueError when it is no share."""
    if not 0 <= smoothing < 1:
        raise ValueError(f"{place}: smoothing is {smoothing}; expected 0 ≤ smoothing < 1. Try 0.1.")
    return smoothing
