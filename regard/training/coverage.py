"""Coverage loss: a term that does not want to look twice at the same place."""

from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.training.objective import Loss


class WithCoverage(nn.Module):
    """An objective, and from some update on a term that is 0 where no position is looked at twice.

        total  = total of the objective + λ Σ over rows and real steps t: covloss(t)
        covloss(t) = Σ over positions i: min(α(t,i), c(t,i)),   c(t) = Σ over t' < t: α(t')

    Source: See, Liu & Manning 2017, "Get To The Point", arXiv:1704.04368, eq. 10, 12 and 13; λ is 1 there, and the term
    is there in the last updates alone, since a model that has it from the beginning learns less. What was looked at
    can also enter the score (their eq. 11): attention with the score `coverage`. Of several heads α is the mean.

    Args:
        objective: maps model, its output for a batch, and the batch to a `Loss`, by its method `loss`.
        weight: λ, 0 or more.
        from_step: the first update with the term; updates count from 1.

    `nll` and `tokens` of the loss are those of the objective. Padding, of positions and of steps, adds nothing.
    """

    def __init__(self, objective: nn.Module, weight: float, from_step: int = 1) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"WithCoverage: weight is {weight}; expected 0 or more. Try 1.")
        self.objective: Any = objective
        self.weight = weight
        self.from_step = from_step

    def at(self, step: int) -> nn.Module:
        """The objective of that update."""
        objective: nn.Module = self if step >= self.from_step else self.objective
        return objective

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch, with the term."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The same, from the output of the model for the batch."""
        loss: Loss = self.objective.loss(model, unrolled, batch)
        return replace(loss, total=loss.total + self.weight * repeated_looks(unrolled, batch).sum())


def repeated_looks(unrolled: Unrolled, batch: Batch) -> Float[Tensor, " batch"]:
    """Σ over real steps t and positions i: min(α(t,i), c(t,i)), of each row."""
    looks = unrolled.weights.masked_fill(~batch.target_mask.unsqueeze(-1), 0.0)
    before = looks.cumsum(1) - looks
    return looks.minimum(before).sum((1, 2))
