"""What one attention reads: prepared once per source, looked at once per step."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor


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
