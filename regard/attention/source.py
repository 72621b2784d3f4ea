"""What one attention reads: prepared once per source, looked at once per step."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Source:
    """Keys as the score wants them, values, and which positions are real. Padding holds zeros in both.

    Args:
        prepared: what `score.prepare(keys)` returned, (batch, source, ·); several heads: (batch, heads, source, ·).
        values: what is mixed, (batch, source, value); several heads: (batch, heads, source, value).
        mask: True where a position is real.
    """

    prepared: Float[Tensor, " batch *prepared"]
    values: Float[Tensor, " batch *values"]
    mask: Bool[Tensor, "batch source"]

    def select(self, rows: Int[Tensor, " selected"]) -> "Source":
        """The given rows, in the given order."""
        return Source(self.prepared[rows], self.values[rows], self.mask[rows])

    @property
    def length(self) -> int:
        """Positions to the last that is real in any row."""
        return int(self.mask.any(0).nonzero().amax()) + 1 if self.mask.any() else 0

    def narrow(self, length: int) -> "Source":
        """The first positions."""
        return Source(self.prepared[..., :length, :], self.values[..., :length, :], self.mask[:, :length])

    def join(self, other: "Source") -> "Source":
        """The rows of another behind these; the shorter get padding."""
        return Source(
            joined(self.prepared, other.prepared, -2),
            joined(self.values, other.values, -2),
            joined(self.mask, other.mask, -1),
        )


def joined(first: Tensor, second: Tensor, axis: int) -> Tensor:
    """Rows behind rows; the one that is shorter along the axis of the source is filled up with zeros."""
    longest = max(first.size(axis), second.size(axis))
    return torch.cat([_filled(each, axis, longest) for each in (first, second)])


def _filled(part: Tensor, axis: int, length: int) -> Tensor:
    missing = length - part.size(axis)
    return F.pad(part, (*[0] * (-2 * axis - 2), 0, missing)) if missing else part
