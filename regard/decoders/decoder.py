"""What every decoder can do. Search, training and views know no more than this."""

from typing import Any, Protocol

from jaxtyping import Int
from torch import Tensor

from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory


class Decoder(Protocol):
    """One decoder of the table `DECODERS`. Its source and its state are records of its own.

    One that looks several times before each token may have `looks`, a name for each tensor of `Step.heads`: views then
    show them one by one.
    """

    @property
    def tokens(self) -> TargetTokens:
        """The target vocabulary: how a token is read, and the output layer."""

    @property
    def carries(self) -> bool:
        """Whether what a step attended to reaches later steps, so that a choice answers for their tokens too."""

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Any, Any]:
        """Project what is needed once per source; the source record and the first state.

        The temperature is for a selection that is annealed, see `History`; any other leaves it unread.
        """

    def advance(self, tokens: Int[Tensor, " rows"], state: Any, source: Any) -> Advance:
        """One token for every row of the state, up to the output layer."""

    def forward(self, inputs: Int[Tensor, "batch target"], source: Any, state: Any) -> Unrolled:
        """The same over all steps of a known target at once."""
