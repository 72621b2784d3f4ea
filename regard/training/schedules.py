"""The learning rate of each update: a pure function of the update's number and of the validations so far.

Steps count from 1. `gains` are the scores of all validations in order, signed so that more is better (`Goal.gain`);
all but `Plateau` ignore them. During a warm-up the rate grows linearly to `rate`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Schedule = Callable[[int, Sequence[float]], float]  # (step, gains) → learning rate


@dataclass(frozen=True)
class Constant:
    """Always `rate`, after the warm-up."""

    rate: float
    warmup_steps: int = 0

    def __call__(self, step: int, gains: Sequence[float]) -> float:
        """The rate of that step."""
        return self.rate * _warmup(step, self.warmup_steps)


@dataclass(frozen=True)
class InverseSquareRoot:
    """Linear growth to `rate`, then decay with the inverse square root of the step.

        rate · min(step / warmup, √(warmup / step))

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 3; its peak there is (d_model · warmup)^-0.5.
    """

    rate: float
    warmup_steps: int = 4000

    def __call__(self, step: int, gains: Sequence[float]) -> float:
        """The rate of that step."""
        warmup = max(self.warmup_steps, 1)
        return self.rate * min(step / warmup, math.sqrt(warmup / step))


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from `rate` down to `min_rate` at `total_steps`, and `min_rate` from there.

        min_rate + ½ (rate - min_rate) (1 + cos(π t / T))

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5, without restarts; t and T count after the warm-up.
    """

    rate: float
    total_steps: int
    warmup_steps: int = 0
    min_rate: float = 0.0

    def __call__(self, step: int, gains: Sequence[float]) -> float:
        """The rate of that step."""
        if step <= self.warmup_steps:
            return self.rate * _warmup(step, self.warmup_steps)
        share = _share(step, self.warmup_steps, self.total_steps)
        return self.min_rate + 0.5 * (self.rate - self.min_rate) * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Linear:
    """A straight line from `rate` down to `min_rate` at `total_steps`, and `min_rate` from there."""

    rate: float
    total_steps: int
    warmup_steps: int = 0
    min_rate: float = 0.0

    def __call__(self, step: int, gains: Sequence[float]) -> float:
        """The rate of that step."""
        if step <= self.warmup_steps:
            return self.rate * _warmup(step, self.warmup_steps)
        return self.rate + (self.min_rate - self.rate) * _share(step, self.warmup_steps, self.total_steps)


@dataclass(frozen=True)
class Plateau:
    """`rate` is multiplied by `factor` whenever `patience` validations in a row were no better than the best before.

    After a cut the count starts again; the rate never falls below `min_rate`. Raises ValueError for a patience below 1.
    """

    rate: float
    patience: int = 2
    factor: float = 0.5
    warmup_steps: int = 0
    min_rate: float = 0.0

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ValueError(
                f"Plateau: patience is {self.patience}; expected at least 1. Give 1 to cut the rate after the first "
                "validation without a gain."
            )

    def __call__(self, step: int, gains: Sequence[float]) -> float:
        """The rate of that step."""
        best, stale, cuts = -math.inf, 0, 0
        for gain in gains:
            best, stale = (gain, 0) if gain > best else (best, stale + 1)
            if stale >= self.patience:
                stale, cuts = 0, cuts + 1
        return max(self.rate * self.factor**cuts, self.min_rate) * _warmup(step, self.warmup_steps)


def _warmup(step: int, warmup_steps: int) -> float:
    return min(1.0, step / warmup_steps) if warmup_steps else 1.0


def _share(step: int, warmup_steps: int, total_steps: int) -> float:
    """The finished fraction of the decay: 0 at the end of the warm-up, 1 from `total_steps` on."""
    return min(1.0, (step - warmup_steps) / max(total_steps - warmup_steps, 1))
