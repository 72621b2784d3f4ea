"""Windows: which source positions a target position may look at, and with what gain."""

from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.source import Source


class GlobalWindow(nn.Module):
    """Every real position, the same gain everywhere.

        visible = mask,  gain = 1

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.1.

        >>> import torch
        >>> from regard.attention.history import History
        >>> source = Source(torch.zeros(1, 3, 0), torch.zeros(1, 3, 1), torch.tensor([[True, True, False]]))
        >>> GlobalWindow()(torch.zeros(1, 1, 1), source, History.start(torch.zeros(1, 0)))
        (tensor([[[ True,  True, False]]]), None)
    """

    sequential = False

    def forward(self, query: Tensor, source: Source, history: History) -> tuple[Tensor, None]:
        """The mask, for every target position; no gain."""
        return source.mask.unsqueeze(1), None
