"""Connectionist temporal classification (CTC): the loss of a target without attention, and as a second loss."""

from dataclasses import replace
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.marks import BLANK, END
from regard.training.objective import Loss


class WithCtc(nn.Module):
    """An objective, and CTC as a second loss on the same memory.

        total = (1 - λ) total of the objective + λ Σ over rows: -log P_ctc(y)

    Source: Kim, Hori & Watanabe 2017, "Joint CTC-Attention based End-to-End Speech Recognition using Multi-task
    Learning", arXiv:1609.06773. Attention may look anywhere; CTC reads the positions in their order, and so gives the
    encoder a useful gradient from the first update on. It reads all real positions, the end mark too.

    Args:
        objective: has a method `loss(model, unrolled, batch)`, as `CrossEntropy` has.
        weight: λ, at least 0 and below 1.

    `nll` and `tokens` of the loss are those of the objective. The buffers of the objective are in the checkpoint.
    """

    def __init__(self, objective: nn.Module, weight: float) -> None:
        super().__init__()
        if not 0 <= weight < 1:
            raise ValueError(f"WithCtc: weight is {weight}; expected 0 ≤ weight < 1. Try 0.3.")
        self.objective: Any = objective
        self.weight = weight

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch; the model has a head `ctc`, and reads the batch once."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The same, from the output of the model for the batch."""
        loss: Loss = self.objective.loss(model, unrolled, batch)
        labelling = memory_costs(model, unrolled, batch).sum()
        return replace(loss, total=(1 - self.weight) * loss.total + self.weight * labelling)


def memory_costs(model: Any, unrolled: Unrolled, batch: Batch) -> Float[Tensor, " batch"]:
    """The CTC cost of each target of a batch, over the memory that the model has already encoded."""
    assert unrolled.memory is not None
    return ctc_costs(model.ctc(unrolled.memory), unrolled.memory.lengths, batch.targets)


def alignable(lengths: Int[Tensor, " batch"], targets: Int[Tensor, "batch target"]) -> Bool[Tensor, " batch"]:
    """Whether each target has a labelling with this number of positions.

    It needs one position for each token, and one for the blank between two equal tokens.

        length ≥ |y| + |{i: y_i = y_(i+1)}|

    Args:
        lengths: real positions of each memory, `mask.sum(1)`.
        targets: tokens; the marks after them are not counted.
    """
    labels = targets - END
    repeats = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > BLANK)
    return lengths >= (labels > BLANK).sum(1) + repeats.sum(1)


def ctc_costs(
    log_probs: Float[Tensor, "batch source labels"],
    lengths: Int[Tensor, " batch"],
    targets: Int[Tensor, "batch target"],
) -> Float[Tensor, " batch"]:
    """The loss of each target: the negative logarithm of the probability of all labellings that give this target.

        cost = -log Σ over labellings a of y: Π_t p_t(a_t)

    Source: Graves et al. 2006, "Connectionist Temporal Classification", eq. 3 and 12.

    Args:
        log_probs: of the labels, from `CtcHead`. They must come from a log-softmax, or the gradient is wrong.
        lengths: real positions of each memory, `mask.sum(1)`.
        targets: tokens; the end mark and the padding after them are ignored.

    Returns a cost in nats per row; zero, with no gradient, for a row that is not `alignable`. Leave such pairs out
    before training, and tell the user which.
    """
    labels = targets - END
    costs = F.ctc_loss(
        log_probs.transpose(0, 1),
        labels.clamp(min=BLANK + 1),  # marks and padding; they come after the labels that are counted
        lengths,
        (labels > BLANK).sum(1),
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return costs.masked_fill(~alignable(lengths, targets), 0.0)
