"""Linear start: a model that begins to learn without the softmax of its attention."""

import torch
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.select import Scores, Selected, Visible, deterministic


class LinearStart(nn.Module):
    """A selection that can be left out: then the scores themselves are the weights.

        weights = score   over the visible positions, while `linear`;   select(score) afterwards

    Source: Sukhbaatar et al. 2015, "End-To-End Memory Networks", arXiv:1503.08895, section 4.2: "LS training" removes
    the softmax of each hop until the validation loss stops falling, and then goes on with it.

    Weights of the first phase may be negative, and do not sum to one. `linear` is saved with the weights of the model,
    since these mean something else in each phase; training switches it.

    Args:
        select: what takes over.

    Attributes:
        linear: a bool without axes; True at first.

    Masks: positions that are not visible have a weight of exactly zero in both phases.

    Cost: time O(batch·target·source), memory O(batch·target·source). Afterwards that of the selection.

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.select import Softmax
        >>> select = LinearStart(Softmax())
        >>> scores, visible = torch.tensor([[[2.0, -1.0, 5.0]]]), torch.tensor([[[True, True, False]]])
        >>> select(scores, visible, History.start(torch.zeros(1, 0))).weights.tolist()
        [[[2.0, -1.0, 0.0]]]
    """

    linear: Tensor

    def __init__(self, select: nn.Module) -> None:
        super().__init__()
        self.select = select
        self.sequential = bool(select.sequential)
        self.register_buffer("linear", torch.tensor(True))

    def forward(self, scores: Scores, visible: Visible, history: History) -> Selected:
        """Weights, exactly zero at positions that are not visible."""
        if self.linear:
            return deterministic(scores.masked_fill(~visible, 0.0))
        selected: Selected = self.select(scores, visible, history)
        return selected
