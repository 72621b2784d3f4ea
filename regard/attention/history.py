"""What a mechanism remembers of the steps before: a record that goes in and comes out."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class History:
    """The past of one decoding, a row per hypothesis.

    Args:
        step: number of target positions already decoded.
        previous: weights of the step before; width 0 for a mechanism that forgets.
        total: sum of the weights of all steps before; width 0 for a mechanism that forgets.
    """

    step: Int[Tensor, " batch"]
    previous: Float[Tensor, "batch remembered"]
    total: Float[Tensor, "batch remembered"]

    def select(self, rows: Int[Tensor, " selected"]) -> "History":
        """The history of the given rows, in the given order."""
        return History(self.step[rows], self.previous[rows], self.total[rows])
