"""What one step of a decoder returns, and what every decoder's state can do."""

from dataclasses import dataclass
from typing import Protocol, Self

from jaxtyping import Float, Int
from torch import Tensor


class State(Protocol):
    """A record of batch-first tensors. `select` is all that a search needs of it."""

    def select(self, rows: Int[Tensor, " selected"]) -> Self:
        """The state of the given rows, in the given order; a row may be taken several times."""


@dataclass(frozen=True)
class Step:
    """Answer of one decoding step.

    Args:
        logits: unnormalised scores of the next token.
        state: the state after this step.
        weights: what this token looked at; all zeros for a decoder without attention.
    """

    logits: Float[Tensor, "rows vocab"]
    state: State
    weights: Float[Tensor, "rows source"]
