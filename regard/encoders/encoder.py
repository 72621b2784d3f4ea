"""What every encoder can do. Decoders and search know no more than this."""

from typing import Protocol

from jaxtyping import Bool, Int
from torch import Tensor

from regard.encoders.memory import Memory


class Encoder(Protocol):
    """One encoder of the table `ENCODERS`."""

    @property
    def output_size(self) -> int:
        """Features of a position of the memory."""

    @property
    def state_size(self) -> int:
        """Features of the summary."""

    def forward(self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source, whose real positions come first."""
