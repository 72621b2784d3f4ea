"""Connectionist temporal classification: the cost of a target without attention."""

from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.marks import BLANK, END


def alignable(lengths: Int[Tensor, " batch"], targets: Int[Tensor, "batch target"]) -> Bool[Tensor, " batch"]:
    """Whether there is a labelling of so many positions for each target: one position for each token, and one for the
    blank that must stand between two equal ones.

        length ≥ |y| + |{i: y_i = y_(i+1)}|

    Args:
        lengths: real positions of each memory, `mask.sum(1)`.
        targets: tokens; marks are not counted, wherever they stand behind the others.
    """
    labels = targets - END
    repeats = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > BLANK)
    return lengths >= (labels > BLANK).sum(1) + repeats.sum(1)


def ctc_costs(
    log_probs: Float[Tensor, "batch source labels"],
    lengths: Int[Tensor, " batch"],
    targets: Int[Tensor, "batch target"],
) -> Float[Tensor, " batch"]:
    """What each target costs: the negative logarithm of the probability of all labellings that become it.

        cost = -log Σ over labellings a of y: Π_t p_t(a_t)

    Source: Graves et al. 2006, "Connectionist Temporal Classification", eq. 3 and 12.

    Args:
        log_probs: of the labels, from `CtcHead`; the gradient is right for what comes from its softmax alone.
        lengths: real positions of each memory, `mask.sum(1)`.
        targets: tokens; the end mark and padding behind them have no part.

    Returns a cost in nats per row; zero, with no gradient, for a row that is not `alignable`. Leave such pairs out
    before training, and say which.
    """
    labels = targets - END
    costs = F.ctc_loss(
        log_probs.transpose(0, 1),
        labels.clamp(min=BLANK + 1),  # padding and marks stand behind the labels that are counted
        lengths,
        (labels > BLANK).sum(1),
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return costs.masked_fill(~alignable(lengths, targets), 0.0)
