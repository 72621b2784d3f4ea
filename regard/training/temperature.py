"""The temperature of a selection: a pure function of the update's number, so a checkpoint need not store it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Temperature = Callable[[int], float]  # step → what the temperature of a selection is multiplied by


@dataclass(frozen=True)
class Annealing:
    """Exponential decay from `start` to `least`.

        τ(step) = max(least, start · exp(-rate · (step - 1)))

    Source: Jang, Gu & Poole 2017, arXiv:1611.01144, section 4.1, where start is 1, least 0.5 and rate 1e-5 to 1e-4;
    there τ changes every 500 or 1000 updates, here with each update. Steps count from 1, as those of the learning rate.
    With rate 0, the default, τ stays at `start`.

    Args:
        start: τ of the first update.
        least: the smallest τ.
        rate: the decay per update.

    Raises ValueError unless 0 < least ≤ start and 0 ≤ rate.

    On paper: with rate log 2 it halves with each update, until it would fall below a quarter.

        >>> import math
        >>> half = Annealing(1.0, 0.25, math.log(2))
        >>> [round(half(step), 6) for step in (1, 2, 3, 4)]
        [1.0, 0.5, 0.25, 0.25]
    """

    start: float = 1.0
    least: float = 0.5
    rate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.least <= self.start:
            raise ValueError(
                f"Annealing: least is {self.least} and start is {self.start}; expected 0 < least ≤ start. "
                "Jang et al. go from 1 to 0.5."
            )
        if self.rate < 0:
            raise ValueError(f"Annealing: rate is {self.rate}; expected 0 or more. Try 1e-4.")

    def __call__(self, step: int) -> float:
        """The temperature of that step."""
        return max(self.least, self.start * math.exp(-self.rate * (step - 1)))
