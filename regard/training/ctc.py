"""Connectionist temporal classification (CTC): the loss of a target without attention."""

from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.marks import BLANK, END


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
