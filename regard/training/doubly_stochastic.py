"""Doubly stochastic attention: a term that wants every position looked at."""

from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.training.objective import Loss


class WithDoublyStochastic(nn.Module):
    """An objective, and a term that is 0 where the looks of all steps add up to one on every position.

        total = total of the objective + λ Σ over rows and real positions i: (1 - Σ over real steps t: α(t,i))²

    Source: Xu et al. 2015, "Show, Attend and Tell", arXiv:1502.03044, section 4.2.1, eq. 14. The weights of a step sum
    to one over the positions; the term asks, less strictly, for the same over the steps, so that no part of a picture
    is passed over. Steps are those of the target with its end mark; of several heads α is the mean.

    Args:
        objective: maps model, its output for a batch, and the batch to a `Loss`, by its method `loss`.
        weight: λ, 0 or more; 1 in the authors' code.

    `nll` and `tokens` of the loss are those of the objective. Padding, of positions and of steps, adds nothing.
    """

    def __init__(self, objective: nn.Module, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"WithDoublyStochastic: weight is {weight}; expected 0 or more. Try 1.")
        self.objective: Any = objective
        self.weight = weight

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The loss of a batch, from the output of the model for it."""
        loss: Loss = self.objective.loss(model, unrolled, batch)
        return replace(loss, total=loss.total + self.weight * unevenness(unrolled, batch).sum())


def unevenness(unrolled: Unrolled, batch: Batch) -> Float[Tensor, " batch"]:
    """Σ over real positions i: (1 - Σ over real steps t: α(t,i))², of each row."""
    assert unrolled.memory is not None
    looks = unrolled.weights.masked_fill(~batch.target_mask.unsqueeze(-1), 0.0).sum(1)
    return (1.0 - looks).square().masked_fill(~unrolled.memory.mask, 0.0).sum(1)
