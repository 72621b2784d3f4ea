"""What the encoder says about the source."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """An information store that decoders address softly, by content.

    Args:
        values: what is mixed into the context.
        keys: what queries are compared with; the same tensor as `values` or another.
        mask: True where a position is real and may be looked at. The encoder emits it, since it may shorten the source;
            real positions come first.
        summary: the source in one vector, for decoders that start from it.
        spans: first input position that each memory position covers, and the one after its last.
    """

    values: Float[Tensor, "batch source value"]
    keys: Float[Tensor, "batch source key"]
    mask: Bool[Tensor, "batch source"]
    summary: Float[Tensor, "batch summary"]
    spans: Int[Tensor, "batch source ends"]

    def without_end(self) -> "Memory":
        """The same store with the end mark of each source hidden: its last real position can no longer be looked at.

        Nothing else changes: the encoder has read the mark, and the summary knows it. A source of the end mark alone
        is left without a position that is real, and what is mixed from it is zero.
        """
        ends = self.mask.sum(1, keepdim=True) - 1
        positions = torch.arange(self.mask.size(1), device=self.mask.device)
        return replace(self, mask=self.mask & (positions < ends))
