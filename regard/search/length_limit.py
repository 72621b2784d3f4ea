"""How long an output may get."""

import math
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LengthLimit:
    """The rule that bounds every output: at most ratio · source + extra tokens, the end mark counted, and at least one.

    A search that reaches the limit returns the output without its end mark ("cut").

    Args:
        ratio: output tokens per source position that can be looked at.
        extra: output tokens that any source may have.
    """

    ratio: float = 2.0
    extra: int = 50

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ratio) and self.ratio >= 0 and self.extra >= 0):
            raise ValueError(
                f"LengthLimit: ratio is {self.ratio} and extra is {self.extra}; expected finite numbers of at least 0. "
                "Give, for example, ratio=2.0 and extra=50."
            )

    def __call__(self, source_lengths: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
        """Most output tokens for each sentence."""
        return (source_lengths * self.ratio).long().add(self.extra).clamp(min=1)


DEFAULT_LIMIT = LengthLimit()
