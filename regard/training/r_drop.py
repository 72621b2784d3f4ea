"""R-Drop: every pair is read twice, under different dropout, and both passes are to agree."""

from dataclasses import fields
from typing import Any

import torch
from torch import nn

from regard.data.batch import Batch
from regard.training.objective import Loss


class TwoPasses(nn.Module):
    """An objective of two passes of a batch, per pass.

        total = ½ (total of the first pass + total of the second + α Σ over real tokens D(p, q))
        D(p, q) = ½ KL(p ‖ q) + ½ KL(q ‖ p)

    Source: Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", arXiv:2106.14448, eq. 4; half of it
    here, so that the length of the gradient is that of one pass. Both passes are one batch, whose second half repeats
    the first; so dropout differs between them, and an update costs about two.

    Args:
        objective: maps model and batch to a `Loss`. Its `CrossEntropy` has α and adds D.

    `nll` is the mean of both passes; `tokens` are those of the batch.
    """

    def __init__(self, objective: nn.Module) -> None:
        super().__init__()
        self.objective: Any = objective

    def at(self, step: int) -> nn.Module:
        """The objective of that update."""
        chosen = getattr(self.objective, "at", None)
        return self if chosen is None else TwoPasses(chosen(step))

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch."""
        loss: Loss = self.objective(model, twice(batch), temperature)
        return Loss(loss.total / 2, loss.nll / 2, loss.tokens // 2)


def twice(batch: Batch) -> Batch:
    """The rows of a batch, and all of them once more behind."""
    return Batch(**{field.name: torch.cat([getattr(batch, field.name)] * 2) for field in fields(batch)})
