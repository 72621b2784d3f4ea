"""Windows: which source positions a target position may look at, and with what gain."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.source import Source


class GlobalWindow(nn.Module):
    """Every real position, the same gain everywhere.

        visible = mask,  gain = 1

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.1.

    Cost: time O(1), memory O(1).

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.source import Source
        >>> source = Source(torch.zeros(1, 3, 0), torch.zeros(1, 3, 1), torch.tensor([[True, True, False]]))
        >>> GlobalWindow()(torch.zeros(1, 1, 1), source, History.start(torch.zeros(1, 0)))
        (tensor([[[ True,  True, False]]]), None)
    """

    sequential = False

    def forward(
        self, query: Float[Tensor, "batch target query"], source: Source, history: History
    ) -> tuple[Bool[Tensor, "batch 1 source"], None]:
        """The mask, for every target position; no gain."""
        return source.mask.unsqueeze(1), None


class CausalWindow(nn.Module):
    """For self-attention: every real position up to the position itself.

        visible = mask and s ≤ t,  gain = 1

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3. It is not among `WINDOWS`: it has
    no meaning between two sequences.

    Cost: time O(batch·target·source), memory O(batch·target·source).

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.source import Source
        >>> source = Source(torch.zeros(1, 3, 0), torch.zeros(1, 3, 1), torch.ones(1, 3, dtype=torch.bool))
        >>> CausalWindow()(torch.zeros(1, 3, 1), source, History.start(torch.zeros(1, 0)))[0].int()
        tensor([[[1, 0, 0],
                 [1, 1, 0],
                 [1, 1, 1]]], dtype=torch.int32)
    """

    sequential = False
    timed = True

    def forward(
        self, query: Float[Tensor, "batch target query"], source: Source, history: History
    ) -> tuple[Bool[Tensor, "batch target source"], None]:
        """The lower triangle of the mask, from the step of the history on; no gain."""
        positions = torch.arange(source.mask.size(1), device=query.device)
        return (positions <= history.positions(query.size(1)).unsqueeze(-1)) & source.mask.unsqueeze(1), None
