"""What every encoder can do. Decoders and search know no more than this."""

from typing import Protocol

from jaxtyping import Bool, Shaped
from torch import Tensor

from regard.encoders.memory import Memory


class Encoder(Protocol):
    """One encoder of the table `ENCODERS`.

    One with convolutions alone below its memory may have an attribute `receptive_field`, which views tell of: how many
    input positions before its cell, and behind it, they see.
    """

    @property
    def output_size(self) -> int:
        """Features of a position of the memory."""

    @property
    def state_size(self) -> int:
        """Features of the summary."""

    def forward(self, source: Shaped[Tensor, "batch ..."], mask: Bool[Tensor, "batch ..."]) -> Memory:
        """Read the source, whose real positions come first. The memory may have fewer positions: its spans say which
        of the source each covers, and its mask which are real."""
