"""Looks that differ: a term that wants each of several looks at a source to choose few positions, and its own."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.training.objective import Loss


class WithHopPenalty(nn.Module):
    """An objective, and a term that is 0 where each look stands on one position and no two share it.

        total = total of the objective + λ Σ over rows and real steps: ‖A Aᵀ − I‖²_F

    Source: Lin et al. 2017, "A Structured Self-attentive Sentence Embedding", arXiv:1703.03130, eq. 8. A (looks,
    source) holds the weights of one step: those of the hops of `SelfAttentivePooling`, or of all heads of all layers.
    A step that looks at nothing, such as the end behind a label, adds nothing.

    Args:
        objective: maps model, its output for a batch, and the batch to a `Loss`, by its method `loss`.
        weight: λ, 0 or more.

    `nll` and `tokens` of the loss are those of the objective.
    """

    def __init__(self, objective: nn.Module, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"WithHopPenalty: weight is {weight}; expected 0 or more. Try 0.1.")
        self.objective: Any = objective
        self.weight = weight

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The loss of a batch, from the output of the model for it."""
        loss: Loss = self.objective.loss(model, unrolled, batch)
        return replace(loss, total=loss.total + self.weight * likeness(unrolled, batch).sum())


def likeness(unrolled: Unrolled, batch: Batch) -> Float[Tensor, " batch"]:
    """Σ over real steps that look at something: ‖A Aᵀ − I‖²_F, of each row."""
    looks = torch.cat(unrolled.heads, 1).transpose(1, 2)  # (batch, target, looks, source)
    distance = looks @ looks.transpose(2, 3) - torch.eye(looks.size(2), dtype=looks.dtype, device=looks.device)
    looking = batch.target_mask & (looks.detach().sum((2, 3)) > 0)
    return distance.square().sum((2, 3)).masked_fill(~looking, 0.0).sum(1)
